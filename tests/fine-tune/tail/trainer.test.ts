/** One step of a tail with its head: its gradients, and what settings make of them. */
import { expect, it } from 'vitest';
import { createTailPrograms } from '../../../src/fine-tune/tail/programs.ts';
import { tensorIn } from '../../../src/fine-tune/tail/tensors.ts';
import { createTailTrainer, type TailTrainer } from '../../../src/fine-tune/tail/trainer.ts';
import type { HeadRequest } from '../../../src/shared/head/options.ts';
import { openActivations } from '../../../src/shared/store/activations/reader.ts';
import { createArena } from '../../../src/shared/training/arena.ts';
import type { StepSettings } from '../../../src/shared/training/optimizers.ts';
import { ENGINES_UNDER_TEST, loadUnderTest } from '../../support/engines.ts';
import { tinyData, tinyHead, tinyNetwork } from '../../support/tiny-tail.ts';

const BATCH = 6;
const RATES = { lrTail: 1, clip: 0 };
const SGD: StepSettings = {
  optimizer: 'sgd',
  lr: 1,
  step: 1,
  l1: 0,
  l2: 0,
  momentum: 0,
  nesterov: false,
  maxNorm: 0,
};

interface Tried {
  trainer: TailTrainer;
  /** A step on always the same batch. */
  step(settings?: Partial<StepSettings>, rates?: Partial<typeof RATES>): Promise<number>;
  /** The tensors' numbers. */
  numbers(): Map<string, Float32Array>;
}

async function trainerOf(
  request: Partial<HeadRequest>,
  batchNorm: 'frozen' | 'trainable',
  engine: (typeof ENGINES_UNDER_TEST)[number] = 'onnxruntime',
): Promise<Tried> {
  const network = tinyNetwork(batchNorm);
  const start = tinyHead(request);
  const data = tinyData();
  const reader = openActivations(data.activations);
  const trainer = await createTailTrainer({
    arena: createArena(),
    programs: createTailPrograms(await loadUnderTest(engine, { threads: 1 })),
    network,
    start,
    config: start.record.config,
    trained: network.weights.filter(({ role }) => role !== 'statistic').map(({ name }) => name),
    activations: reader,
    batchSize: BATCH,
  });
  const rows = Int32Array.from({ length: BATCH }, (_, row) => 2 * row);
  await trainer.batches.read(reader, rows, BATCH);
  const { targets, weights } = trainer.targets(BATCH);
  for (const [row, image] of rows.entries())
    targets.set(data.targets.subarray(3 * image, 3 * image + 3), 3 * row);
  weights.fill(1 / BATCH);
  return {
    trainer,
    step: (settings, rates) => trainer.step(BATCH, { ...SGD, ...settings }, { ...RATES, ...rates }, 7),
    numbers: () =>
      new Map(
        trainer.layout.tensors.map((tensor) => [
          tensor.key,
          tensorIn(trainer.blocks.parameters, tensor).slice(),
        ]),
      ),
  };
}

/** The gradient of each trained tensor, from how a step of plain SGD moves it. */
async function gradientsOf({ trainer, step, numbers }: Tried): Promise<Map<string, Float32Array>> {
  const before = numbers();
  const state = trainer.blocks.parameters.slice();
  await step();
  const after = numbers();
  trainer.blocks.parameters.set(state);
  const trained = trainer.layout.tensors.filter(({ isTrained }) => isTrained);
  return new Map(
    trained.map(({ key }) => [key, before.get(key)!.map((number, i) => number - after.get(key)![i])]),
  );
}

const HEADS: Partial<HeadRequest>[] = [
  {},
  { normalize: 'standardize' },
  { normalize: 'l2' },
  { normalize: 'softsign' },
  {
    normalize: 'standardize',
    hidden: [4],
    dropout: 0.3,
    batchNorm: true,
    bias: false,
    se: 2,
    activation: 'gelu',
  },
];
const ENGINES = ENGINES_UNDER_TEST.filter((name) => name !== 'tfjs-backend-wasm');

it.each(
  ENGINES.flatMap((engine) =>
    (['frozen', 'trainable'] as const).flatMap((batchNorm) =>
      HEADS.map((head) => ({ engine, batchNorm, head, name: JSON.stringify(head) })),
    ),
  ),
)('$engine: gradients with $batchNorm batch-norm and a head $name are those of differences', async (run) => {
  const tried = await trainerOf(run.head, run.batchNorm, run.engine);
  const { trainer, step } = tried;
  const computed = await gradientsOf(tried);
  for (const tensor of trainer.layout.tensors.filter(({ isTrained }) => isTrained)) {
    const numbers = tensorIn(trainer.blocks.parameters, tensor);
    const size = Math.hypot(...computed.get(tensor.key)!);
    for (let i = 0; i < numbers.length; i += Math.max(1, Math.floor(numbers.length / 5))) {
      const state = trainer.blocks.parameters.slice();
      const lossAt = async (by: number): Promise<number> => {
        numbers[i] += by;
        const loss = await step({ lr: 0 });
        trainer.blocks.parameters.set(state);
        return loss;
      };
      const difference = ((await lossAt(2e-3)) - (await lossAt(-2e-3))) / 4e-3;
      expect(Math.abs(computed.get(tensor.key)![i] - difference), `${tensor.key} [${i}]`).toBeLessThan(
        2e-4 + 1e-2 * size,
      );
    }
  }
});

it('trains the head with the rate, and the tail with a factor on it', async () => {
  const tried = await trainerOf({}, 'frozen');
  const gradients = await gradientsOf(tried);
  const before = tried.numbers();
  await tried.step({ lr: 0.5 }, { lrTail: 0.1 });
  const after = tried.numbers();
  for (const [key, rate] of [
    ['head:output/bias', 0.5],
    ['conv/bias', 0.05],
  ] as const) {
    const moved = before.get(key)!.map((number, i) => number - after.get(key)![i]);
    expect([...moved]).toEqual(
      [...gradients.get(key)!].map((gradient) => expect.closeTo(rate * gradient, 5)),
    );
  }
});

it('limits the norm of all gradients together, those of penalties among them', async () => {
  const tried = await trainerOf({}, 'frozen');
  const penalties = { l2: 0.3, l1: 0.1 };
  const gradients = await gradientsOf(tried);
  const before = tried.numbers();
  const isKernel = (key: string) => key.endsWith('/kernel');
  const expected = [...gradients].map(([key, gradient]) => {
    const own = before.get(key)!;
    const penalty = (number: number) => (isKernel(key) ? 2 * 0.3 * number + 0.1 * Math.sign(number) : 0);
    return [key, gradient.map((number, i) => number + penalty(own[i]))] as const;
  });
  const norm = Math.hypot(...expected.flatMap(([, gradient]) => [...gradient]));
  await tried.step(penalties, { clip: norm / 2 });
  const after = tried.numbers();
  for (const [key, gradient] of expected)
    expect([...after.get(key)!]).toEqual(
      [...before.get(key)!].map((number, i) => expect.closeTo(number - gradient[i] / 2, 4)),
    );
});

it('leaves gradients below the limit as they are', async () => {
  const [free, limited] = [await trainerOf({}, 'frozen'), await trainerOf({}, 'frozen')];
  await free.step();
  await limited.step({}, { clip: 1e6 });
  expect(limited.numbers()).toEqual(free.numbers());
});

it.each(['adamw', 'sgd'] as const)(
  '%s shrinks kernels, but no biases, norms and statistics',
  async (optimizer) => {
    const tried = await trainerOf({ hidden: [4], batchNorm: true }, 'trainable');
    const other = await trainerOf({ hidden: [4], batchNorm: true }, 'trainable');
    await tried.step({ optimizer, l2: 0.1 });
    await other.step({ optimizer });
    const without = other.numbers();
    const changed = [...tried.numbers()].filter(
      ([key, numbers]) => !numbers.every((number, i) => number === without.get(key)![i]),
    );
    expect(changed.map(([key]) => key)).toEqual(['conv/kernel', 'head:dense_0/kernel', 'head:output/kernel']);
  },
);

it('moves the statistics of trained batch-norms towards those of the batch, and of no frozen ones', async () => {
  const tried = await trainerOf({ hidden: [4], batchNorm: true }, 'trainable');
  const before = tried.numbers();
  await tried.step({ lr: 0 });
  const once = tried.numbers();
  await tried.step({ lr: 0 });
  const twice = tried.numbers();
  for (const [key, momentum] of [
    ['bn/moving_mean', 0.9],
    ['bn/moving_variance', 0.9],
    ['head:bn_0/moving_mean', 0.99],
    ['head:bn_0/moving_variance', 0.99],
  ] as const) {
    const batch = once
      .get(key)!
      .map((number, i) => (number - momentum * before.get(key)![i]) / (1 - momentum));
    expect([...twice.get(key)!]).toEqual(
      [...once.get(key)!].map((number, i) =>
        expect.closeTo(momentum * number + (1 - momentum) * batch[i], 3),
      ),
    );
  }
  const frozen = await trainerOf({}, 'frozen');
  expect([...frozen.numbers().keys()]).not.toContain('bn/moving_mean');
});

it('changes nothing where the loss is not finite', async () => {
  const tried = await trainerOf({}, 'frozen');
  tried.trainer.blocks.parameters.fill(Number.POSITIVE_INFINITY);
  const before = tried.numbers();
  expect(await tried.step()).toBeNaN();
  expect(tried.numbers()).toEqual(before);
});
