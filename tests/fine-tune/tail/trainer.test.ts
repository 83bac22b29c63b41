/** One step of a tail with its head: its gradients, and what settings make of them. */
import { expect, it } from 'vitest';
import type { TailBatch } from '../../../src/fine-tune/tail/inputs.ts';
import { createTailPrograms, type TailPrograms } from '../../../src/fine-tune/tail/programs.ts';
import type { TailBlocks } from '../../../src/fine-tune/tail/state.ts';
import { tensorIn } from '../../../src/fine-tune/tail/tensors.ts';
import { createTailTrainer, type TailTrainer } from '../../../src/fine-tune/tail/trainer.ts';
import { loadRuntime } from '../../../src/shared/engines/tensorflow/runtime.ts';
import type { HeadRequest } from '../../../src/shared/head/options.ts';
import { openActivations } from '../../../src/shared/store/activations/reader.ts';
import { createArena } from '../../../src/shared/training/arena.ts';
import type { StepSettings } from '../../../src/shared/training/optimizers.ts';
import { ENGINES_UNDER_TEST, loadUnderTest } from '../../support/engines.ts';
import { tinyData, tinyHead, tinyNetwork } from '../../support/tiny-tail.ts';

const ENGINES = ENGINES_UNDER_TEST.filter((name) => name !== 'tfjs-backend-wasm');
const BATCH = 6;
const never = () => false;
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
  /** A copy of all that training changes. */
  blocks(): Promise<TailBlocks>;
  /** The tensors' numbers. */
  numbers(): Promise<Map<string, Float32Array>>;
}

interface Trial {
  request?: Partial<HeadRequest>;
  batchNorm?: 'frozen' | 'trainable';
  engine?: (typeof ENGINES_UNDER_TEST)[number];
  usesDevice?: boolean;
  /** Rows of the batch, and of the largest one. */
  rows?: number;
  batchSize?: number;
  programs?: TailPrograms;
}

async function trainerOf({
  request = {},
  batchNorm = 'frozen',
  engine = ENGINES[0],
  usesDevice = false,
  rows: count = BATCH,
  batchSize = BATCH,
  programs = createTailPrograms(),
}: Trial = {}): Promise<Tried> {
  const network = tinyNetwork(batchNorm);
  const start = tinyHead(request);
  const data = tinyData();
  const trainer = await createTailTrainer({
    arena: createArena(),
    engine: await loadUnderTest(engine, { threads: 1 }),
    usesDevice,
    programs,
    network,
    start,
    config: start.record.config,
    trained: network.weights.filter(({ role }) => role !== 'statistic').map(({ name }) => name),
    reader: openActivations(data.activations),
    batchSize,
  });
  const rows = Int32Array.from({ length: count }, (_, row) => 2 * row);
  const batch: TailBatch = {
    rows,
    fill({ targets, weights }) {
      for (const [row, image] of rows.entries())
        targets.set(data.targets.subarray(3 * image, 3 * image + 3), 3 * row);
      weights.fill(1 / count);
    },
  };
  const blocks = async () => structuredClone(await trainer.save());
  return {
    trainer,
    step: (settings, rates) => trainer.step(batch, { ...SGD, ...settings }, { ...RATES, ...rates }, 7),
    blocks,
    async numbers() {
      const { parameters } = await blocks();
      return new Map(
        trainer.layout.tensors.map((tensor) => [tensor.key, tensorIn(parameters, tensor).slice()]),
      );
    },
  };
}

/** The gradient of each trained tensor, from how a step of plain SGD moves it. */
async function gradientsOf({ trainer, step, numbers, blocks }: Tried): Promise<Map<string, Float32Array>> {
  const state = await blocks();
  const before = await numbers();
  await step();
  const after = await numbers();
  trainer.load(state);
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

it.each(
  ENGINES.flatMap((engine) =>
    (['frozen', 'trainable'] as const).flatMap((batchNorm) =>
      HEADS.map((head) => ({ engine, batchNorm, head, name: JSON.stringify(head) })),
    ),
  ),
)('$engine: gradients with $batchNorm batch-norm and a head $name are those of differences', async (run) => {
  const tried = await trainerOf({ ...run, request: run.head });
  const { trainer, step } = tried;
  const computed = await gradientsOf(tried);
  const state = await tried.blocks();
  for (const tensor of trainer.layout.tensors.filter(({ isTrained }) => isTrained)) {
    const size = Math.hypot(...computed.get(tensor.key)!);
    for (let i = 0; i < tensor.length; i += Math.max(1, Math.floor(tensor.length / 5))) {
      const lossAt = async (by: number): Promise<number> => {
        const { parameters, ...rest } = structuredClone(state);
        tensorIn(parameters, tensor)[i] += by;
        trainer.load({ parameters, ...rest });
        return step({ lr: 0 });
      };
      const difference = ((await lossAt(2e-3)) - (await lossAt(-2e-3))) / 4e-3;
      expect(Math.abs(computed.get(tensor.key)![i] - difference), `${tensor.key} [${i}]`).toBeLessThan(
        2e-4 + 1e-2 * size,
      );
    }
  }
});

it('trains the head with the rate, and the tail with a factor on it', async () => {
  const tried = await trainerOf();
  const gradients = await gradientsOf(tried);
  const before = await tried.numbers();
  await tried.step({ lr: 0.5 }, { lrTail: 0.1 });
  const after = await tried.numbers();
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
  const tried = await trainerOf();
  const penalties = { l2: 0.3, l1: 0.1 };
  const gradients = await gradientsOf(tried);
  const before = await tried.numbers();
  const isKernel = (key: string) => key.endsWith('/kernel');
  const expected = [...gradients].map(([key, gradient]) => {
    const own = before.get(key)!;
    const penalty = (number: number) => (isKernel(key) ? 2 * 0.3 * number + 0.1 * Math.sign(number) : 0);
    return [key, gradient.map((number, i) => number + penalty(own[i]))] as const;
  });
  const norm = Math.hypot(...expected.flatMap(([, gradient]) => [...gradient]));
  await tried.step(penalties, { clip: norm / 2 });
  const after = await tried.numbers();
  for (const [key, gradient] of expected)
    expect([...after.get(key)!]).toEqual(
      [...before.get(key)!].map((number, i) => expect.closeTo(number - gradient[i] / 2, 4)),
    );
});

it('leaves gradients below the limit as they are', async () => {
  const [free, limited] = [await trainerOf(), await trainerOf()];
  await free.step();
  await limited.step({}, { clip: 1e6 });
  expect(await limited.numbers()).toEqual(await free.numbers());
});

it.each(['adamw', 'sgd'] as const)(
  '%s shrinks kernels, but no biases, norms and statistics',
  async (optimizer) => {
    const tried = await trainerOf({ request: { hidden: [4], batchNorm: true }, batchNorm: 'trainable' });
    const other = await trainerOf({ request: { hidden: [4], batchNorm: true }, batchNorm: 'trainable' });
    await tried.step({ optimizer, l2: 0.1 });
    await other.step({ optimizer });
    const without = await other.numbers();
    const changed = [...(await tried.numbers())].filter(
      ([key, numbers]) => !numbers.every((number, i) => number === without.get(key)![i]),
    );
    expect(changed.map(([key]) => key)).toEqual(['conv/kernel', 'head:dense_0/kernel', 'head:output/kernel']);
  },
);

it('moves the statistics of trained batch-norms towards those of the batch, and of no frozen ones', async () => {
  const tried = await trainerOf({ request: { hidden: [4], batchNorm: true }, batchNorm: 'trainable' });
  const before = await tried.numbers();
  await tried.step({ lr: 0 });
  const once = await tried.numbers();
  await tried.step({ lr: 0 });
  const twice = await tried.numbers();
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
  const frozen = await trainerOf();
  expect([...(await frozen.numbers()).keys()]).not.toContain('bn/moving_mean');
});

it('changes nothing in memory where the loss is not finite', async () => {
  const tried = await trainerOf({ engine: ENGINES[0] });
  const blocks = await tried.blocks();
  blocks.parameters.fill(Number.POSITIVE_INFINITY);
  tried.trainer.load(blocks);
  const before = await tried.numbers();
  expect(await tried.step()).toBeNaN();
  expect(await tried.numbers()).toEqual(before);
});

it('gives a batch that is filled up the step of its own rows', async () => {
  const [filled, own] = [await trainerOf({ rows: 4 }), await trainerOf({ rows: 4, batchSize: 4 })];
  // What is left of an earlier batch in the rows behind it counts for nothing.
  await filled.trainer.predict(
    Int32Array.from({ length: 20 }, (_, row) => row),
    never,
  );
  expect(await filled.step()).toBeCloseTo(await own.step(), 6);
  const expected = await own.numbers();
  for (const [key, numbers] of await filled.numbers())
    expect([...numbers]).toEqual([...expected.get(key)!].map((number) => expect.closeTo(number, 5)));
});

it.runIf(ENGINES[0] === 'tfjs-node').each([
  { optimizer: 'sgd', momentum: 0.9, nesterov: true, l2: 0.1, maxNorm: 1 },
  { optimizer: 'adamw', l2: 0.1, l1: 0.01, lr: 0.01 },
  { optimizer: 'adagrad', lr: 0.1 },
] as const)('takes on the device the steps of the host: $optimizer', async (settings) => {
  const request = { hidden: [4], batchNorm: true, dropout: 0.3, normalize: 'standardize' } as const;
  const trial: Trial = { request: { ...request, hidden: [...request.hidden] }, batchNorm: 'trainable' };
  const [host, device] = [await trainerOf(trial), await trainerOf({ ...trial, usesDevice: true })];
  for (let step = 1; step <= 5; step++) {
    const rates = { lrTail: 0.5, clip: step % 2 };
    const loss = await host.step({ ...settings, step }, rates);
    expect(await device.step({ ...settings, step }, rates)).toBeCloseTo(loss, 4);
  }
  const expected = await host.blocks();
  for (const [block, numbers] of Object.entries(await device.blocks()))
    expect([...numbers]).toEqual(
      [...expected[block as keyof TailBlocks]].map((number) => expect.closeTo(number, 4)),
    );
  const rows = Int32Array.from({ length: 10 }, (_, row) => row);
  const probabilities = (await host.trainer.predict(rows, never))!;
  expect([...(await device.trainer.predict(rows, never))!]).toEqual(
    [...probabilities].map((number) => expect.closeTo(number, 4)),
  );
});

it.runIf(ENGINES[0] === 'tfjs-node')('leaves nothing on the device', async () => {
  const { tf } = await loadRuntime(1, ['tfjs-node']);
  const before = tf.memory().numTensors;
  const programs = createTailPrograms();
  const { trainer, step } = await trainerOf({ batchNorm: 'trainable', usesDevice: true, programs });
  await step();
  const early = tf.memory().numTensors;
  for (let count = 0; count < 3; count++) await step();
  expect(tf.memory().numTensors).toBe(early);
  await trainer.predict(Int32Array.of(1, 2, 3), never);
  trainer.release();
  await programs.release();
  expect(tf.memory().numTensors).toBe(before);
});
