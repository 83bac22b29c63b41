/** A stack of heads from first batch to last epoch. */
import { describe, expect, it } from 'vitest';
import type { TrainingData } from '../../../src/shared/dataset/data.ts';
import { loadEngine } from '../../../src/shared/engines/engine.ts';
import type { HeadRequest } from '../../../src/shared/head/options.ts';
import { resolveConfig } from '../../../src/shared/head/resolve.ts';
import { random } from '../../../src/shared/random.ts';
import { createArena } from '../../../src/shared/training/arena.ts';
import type { PausedHead, TrainedHead } from '../../../src/shared/training/head-progress.ts';
import { createInitialParameters } from '../../../src/shared/training/initial.ts';
import { createPrograms } from '../../../src/train/sweep/programs.ts';
import { trainStack } from '../../../src/train/sweep/train-stack.ts';

const INPUTS = 40;
const CLASSES = 3;

/** Three overlapping clouds; 90 training and 45 validation rows. */
function clouds(): TrainingData {
  const rows = { train: 90, val: 45, test: 0 };
  const all = rows.train + rows.val;
  const stream = random(5, 'clouds');
  const features = Float32Array.from({ length: all * INPUTS }, () => stream.normal());
  const targets = new Uint8Array(all * CLASSES);
  for (let row = 0; row < all; row++) {
    const label = row % CLASSES;
    targets[row * CLASSES + label] = 1;
    for (let i = label; i < INPUTS; i += CLASSES) features[row * INPUTS + i] += 0.6;
  }
  return {
    task: 'multiclass',
    inputs: INPUTS,
    classes: CLASSES,
    rows,
    features: { none: features },
    targets,
  };
}

async function trained(
  requests: Partial<HeadRequest>[],
  {
    shouldStop = () => false,
    pauseAfter,
    paused = [],
  }: { shouldStop?: () => boolean; pauseAfter?: number; paused?: PausedHead[] } = {},
): Promise<TrainedHead[]> {
  const goesOn = paused.splice(0);
  const programs = createPrograms(await loadEngine('onnxruntime', { threads: 1 }));
  const heads: TrainedHead[] = [];
  await trainStack(
    requests.map((request, index) => ({
      id: String(index + 1),
      config: resolveConfig({ epochs: 12, earlyStopping: 3, ...request }, 'multiclass'),
      ...(pauseAfter && { pauseAfter }),
      ...(goesOn.length > 0 && { startAfter: goesOn[0].trained.result.epochs }),
    })),
    {
      data: clouds(),
      arena: createArena(),
      initial: createInitialParameters(),
      programs,
      onFinished: (head) => heads.push(head),
      onPaused: (head) => paused.push(head),
      onEpoch: () => {},
      shouldStop,
    },
    goesOn,
  );
  await programs.release();
  return heads.sort((a, b) => Number(a.result.id) - Number(b.result.id));
}

/** What must not depend on who trains beside whom. */
const numbers = ({ result: { id, seconds, ...result }, parameters }: TrainedHead) => ({
  ...result,
  parameters,
});

describe('trainStack', () => {
  it.each<[string, Partial<HeadRequest>]>([
    ['linear', {}],
    ['linear on dropped features', { dropout: 0.3 }],
    ['hidden', { hidden: [12, 8], dropout: 0.2, activation: 'gelu', l2: 1e-3 }],
    ['batches of an odd size', { hidden: [4], batchSize: 29 }],
    ['batch-norm, and odd batches', { hidden: [8, 4], batchNorm: true, batchSize: 27 }],
    ['batch-norm', { hidden: [8, 8], batchNorm: true, dropout: 0.2, bias: false }],
    ['max-norm', { hidden: [8], maxNorm: 0.5 }],
    ['adamw', { optimizer: 'adamw', l2: 0.01 }],
    ['sgd', { optimizer: 'sgd', momentum: 0.9, hidden: [8] }],
    ['rmsprop', { optimizer: 'rmsprop', momentum: 0.5, hidden: [8] }],
    ['adagrad', { optimizer: 'adagrad', hidden: [8] }],
    ['adadelta', { optimizer: 'adadelta', hidden: [8] }],
  ])('gives a head the same numbers alone and beside others: %s', async (_, request) => {
    const rates = [0.1, 0.03, 0.01].map((lr) => ({ ...request, lr, epochs: 6 }));
    const together = await trained(rates);
    for (const [index, rate] of rates.entries()) {
      const [alone] = await trained([rate]);
      expect(numbers(alone)).toEqual(numbers(together[index]));
    }
  });

  it('gives a head the same numbers alone and among others that stop early', async () => {
    const rates = Array.from({ length: 44 }, (_, index) => ({ lr: 0.3 / (1 + index) }));
    const together = await trained(rates);
    // The stack has been rebuilt on the way: some heads were done long before others.
    expect(Math.min(...together.map(({ result }) => result.epochs))).toBeLessThan(8);
    expect(Math.max(...together.map(({ result }) => result.epochs))).toBe(12);
    for (const index of [0, 7, 43]) {
      const [alone] = await trained([rates[index]]);
      expect(numbers(alone)).toEqual(numbers(together[index]));
    }
  });

  it('keeps the parameters of the best epoch', async () => {
    const [{ result, parameters }] = await trained([{ lr: 0.1, epochs: 30, earlyStopping: 0 }]);
    const losses = result.history.map(({ val }) => val.loss ?? Number.NaN);
    expect(result.bestEpoch).toBe(losses.indexOf(Math.min(...losses)) + 1);
    expect(result.bestEpoch).toBeLessThan(30);
    const [upToBest] = await trained([{ lr: 0.1, epochs: result.bestEpoch, earlyStopping: 0 }]);
    expect(upToBest.parameters).toEqual(parameters);
  });

  it.each<[string, Partial<HeadRequest>[]]>([
    [
      'linear',
      [
        { lr: 0.01, schedule: 'plateau' },
        { lr: 0.02, schedule: 'cosine', warmup: 2 },
      ],
    ],
    [
      'hidden',
      [0.01, 0.02].map((lr) => ({
        hidden: [8],
        dropout: 0.3,
        batchNorm: true,
        optimizer: 'rmsprop',
        momentum: 0.9,
        lr,
      })),
    ],
  ])('goes on after a pause as if there had been none (%s)', async (_, requests) => {
    const whole = await trained(requests);
    const paused: PausedHead[] = [];
    expect(await trained(requests, { pauseAfter: 3, paused })).toEqual([]);
    expect(paused.map(({ trained: { result } }) => result.epochs)).toEqual(requests.map(() => 3));
    const ended = await trained(requests, { paused });
    expect(ended.map(numbers)).toEqual(whole.map(numbers));
  });

  it('learns more than the majority', async () => {
    const [{ result }] = await trained([{ hidden: [16], dropout: 0.2, batchNorm: true, lr: 1e-2 }]);
    expect(result.val.accuracy).toBeGreaterThan(0.6);
  });

  it('reports a head whose loss leaves the numbers as diverged, and the others as if it were not there', async () => {
    const wild: Partial<HeadRequest> = { lr: 1e30, optimizer: 'sgd', hidden: [8] };
    const tame = { ...wild, lr: 0.1 };
    const [head, beside] = await trained([wild, tame]);
    expect(head.result).toMatchObject({ status: 'diverged', val: {} });
    expect(head.parameters).toHaveLength(0);
    const [alone] = await trained([tame]);
    expect({ ...numbers(beside), id: '1' }).toEqual({ ...numbers(alone), id: '1' });
  });

  it('ends with what it has when it is asked to stop', async () => {
    let steps = 0;
    const [head] = await trained([{ batchSize: 30 }], { shouldStop: () => ++steps > 7 });
    // Three steps an epoch: two epochs are whole, the third is not.
    expect(head.result).toMatchObject({ status: 'stopped', epochs: 2 });
    expect(head.parameters.length).toBeGreaterThan(0);
  });
});
