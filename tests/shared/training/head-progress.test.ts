/** When an epoch counts as better, and when a head ends. */
import { describe, expect, it } from 'vitest';
import type { TrainingData } from '../../../src/shared/dataset/data.ts';
import type { HeadRequest } from '../../../src/shared/head/options.ts';
import { resolveConfig } from '../../../src/shared/head/resolve.ts';
import {
  finish,
  type HeadProgress,
  isFinished,
  noteEpoch,
  startProgress,
} from '../../../src/shared/training/head-progress.ts';

const dataWith = (val: number): TrainingData => ({
  task: 'multiclass',
  inputs: 1,
  classes: 2,
  features: {},
  rows: { train: 4, val, test: 0 },
  targets: new Uint8Array(2 * (4 + val)),
});

const laneOf = (request: Partial<HeadRequest>): HeadProgress =>
  startProgress({ id: '1', config: resolveConfig(request, 'multiclass') }, 1, dataWith(2), undefined);

/** Epochs with these validation values of what is monitored; stops where the head ends. */
function train(lane: HeadProgress, values: readonly number[], { trainLoss = 1, val = 2 } = {}): boolean[] {
  const better: boolean[] = [];
  for (const [index, value] of values.entries()) {
    const metrics = { loss: 1, [lane.job.config.monitor]: value };
    better.push(noteEpoch(lane, { epoch: index + 1, lr: 1, trainLoss, val: metrics }, dataWith(val)));
    if (isFinished(lane, false)) break;
  }
  return better;
}

describe('early stopping', () => {
  it.each([
    [1, 3],
    [2, 4],
    [5, 7],
  ])('with a patience of %i ends a head whose best epoch is its second after epoch %i', (patience, last) => {
    const lane = laneOf({ monitor: 'loss', earlyStopping: patience, epochs: 100 });
    train(lane, [0.9, 0.5, ...Array(98).fill(0.6)]);
    expect(lane.result).toMatchObject({ status: 'done', epochs: last, bestEpoch: 2, val: { loss: 0.5 } });
  });

  it('counts epochs without a better one anew after each better one', () => {
    const lane = laneOf({ monitor: 'loss', earlyStopping: 3, epochs: 100 });
    train(lane, [0.9, 1, 1, 0.8, 1, 1, 0.7, 1, 1, 1, 0.1]);
    expect(lane.result).toMatchObject({ epochs: 10, bestEpoch: 7 });
  });

  it('of 0 never ends a head before its last epoch', () => {
    const lane = laneOf({ monitor: 'loss', earlyStopping: 0, epochs: 30 });
    train(lane, Array(100).fill(1));
    expect(lane.result).toMatchObject({ epochs: 30, bestEpoch: 1, status: 'done' });
  });
});

describe('an epoch', () => {
  it.each([
    ['loss', [0.5, 0.5, 0.4, 0.45, 0.4], [true, false, true, false, false]],
    ['accuracy', [0.5, 0.5, 0.6, 0.55, 0.6], [true, false, true, false, false]],
  ] as const)('is better only with a better %s: an equal one is not', (monitor, values, better) => {
    const lane = laneOf({ monitor, earlyStopping: 0, epochs: 9 });
    expect(train(lane, values)).toEqual(better);
    expect(lane.result.bestEpoch).toBe(3);
    expect(lane.epochsWithoutBetter).toBe(2);
  });

  it('with an equal value brings early stopping nearer, and a cut of the rate', () => {
    const lane = laneOf({ monitor: 'accuracy', earlyStopping: 4, schedule: 'plateau', lr: 1, epochs: 100 });
    train(lane, Array(100).fill(0.5));
    expect(lane.result).toMatchObject({ epochs: 5, bestEpoch: 1 });
    // Half of the patience, twice.
    expect(lane.rate.rateAt(0)).toBeCloseTo(0.01, 12);
  });

  it('without validation rows is always the best, and a plateau is one of the training loss', () => {
    const lane = laneOf({ monitor: 'loss', earlyStopping: 2, schedule: 'plateau', lr: 1, epochs: 9 });
    expect(train(lane, [1, 2, 3, 4], { val: 0 })).toEqual([true, true, true, true]);
    expect(lane.result).toMatchObject({ epochs: 4, bestEpoch: 4 });
    // A patience of 1, and three epochs whose training loss equals that of the first.
    expect(lane.rate.rateAt(0)).toBeCloseTo(0.001, 12);
  });

  it.each([
    ['training', { trainLoss: Number.NaN }, 0.5],
    ['training', { trainLoss: Number.POSITIVE_INFINITY }, 0.5],
    ['validation', {}, Number.NaN],
    ['validation', {}, Number.POSITIVE_INFINITY],
  ])('whose %s loss is no finite number ends its head', (_, losses, value) => {
    const lane = laneOf({ monitor: 'loss', epochs: 9 });
    expect(train(lane, [value], losses)).toEqual([false]);
    expect(lane.result).toMatchObject({ status: 'diverged', epochs: 1, bestEpoch: 0, val: {} });
  });
});

it('a head ends at the last epoch of its job, and when it is interrupted', () => {
  const lane = laneOf({ monitor: 'loss', earlyStopping: 0, epochs: 9 });
  lane.job = { ...lane.job, lastEpoch: 2 };
  train(lane, [0.5, 0.4, 0.3]);
  expect(lane.result).toMatchObject({ epochs: 2, status: 'done' });
  const stopped = laneOf({ epochs: 9 });
  expect(isFinished(stopped, true)).toBe(true);
  expect(stopped.result.status).toBe('stopped');
});

describe('a head that has ended', () => {
  const best = { parameters: Float32Array.of(1, 2), probabilities: Float32Array.of(0.75, 0.25, 0.5, 0.5) };
  const data = { ...dataWith(2), targets: Uint8Array.of(...Array(8).fill(0), 1, 0, 0, 1) };

  it('has the parameters of its best epoch, and all metrics of its predictions then', () => {
    const lane = laneOf({ epochs: 2 });
    train(lane, [0.5, 0.4]);
    const { result, parameters } = finish({ ...lane, best }, data);
    expect(parameters).toBe(best.parameters);
    expect(result).toMatchObject({ status: 'done', epochs: 2, bestEpoch: 2 });
    expect(result.val.loss).toBeCloseTo(-(Math.log(0.75) + Math.log(0.5)) / 2, 5);
  });

  it('counts for nothing once it diverged, or before its first epoch', () => {
    const diverged = laneOf({ epochs: 9 });
    train(diverged, [0.5, Number.NaN]);
    const stopped = laneOf({ epochs: 9 });
    expect(isFinished(stopped, true)).toBe(true);
    for (const [lane, status] of [
      [{ ...diverged, best }, 'diverged'],
      [stopped, 'stopped'],
    ] as const) {
      const { result, parameters } = finish(lane, data);
      expect(result).toMatchObject({ status, val: {} });
      expect(parameters).toHaveLength(0);
    }
  });
});
