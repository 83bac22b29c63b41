/** Exact linear heads beside scikit-learn's LogisticRegression (golden/make_logistic.py). */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { TrainingData } from '../../../../src/shared/dataset/data.ts';
import { loadEngine } from '../../../../src/shared/engines/engine.ts';
import type { Output } from '../../../../src/shared/head/config.ts';
import { resolveConfig } from '../../../../src/shared/head/resolve.ts';
import { createArena } from '../../../../src/shared/training/arena.ts';
import type { TrainedHead } from '../../../../src/shared/training/head-progress.ts';
import { createInitialParameters } from '../../../../src/shared/training/initial.ts';
import { solveStack } from '../../../../src/train/sweep/lbfgs/solve-stack.ts';
import { createPrograms } from '../../../../src/train/sweep/programs.ts';
import { numbers } from '../../../support/formula-numbers.ts';

const INPUTS = 24;
const CLASSES = 5;
const ROWS = 320;

type Golden = { penalties: number[] } & Record<Output, number[]>;
const golden = JSON.parse(
  readFileSync(new URL('../golden/logistic.json', import.meta.url), 'utf8'),
) as Golden;

/** The rows of make_logistic.py for training, and the first of them again for validation. */
function data(output: Output): TrainingData {
  const rows = { train: ROWS, val: 20, test: 0 };
  const features = new Float32Array((ROWS + rows.val) * INPUTS);
  features.set(numbers(1, ROWS * INPUTS));
  features.copyWithin(ROWS * INPUTS, 0, rows.val * INPUTS);
  const noise = numbers(2, ROWS * CLASSES);
  const targets = new Uint8Array((ROWS + rows.val) * CLASSES);
  for (let row = 0; row < ROWS; row++) {
    const scores = Array.from({ length: CLASSES }, (_, c) => {
      const index = row * INPUTS + c;
      return features[index] + 0.5 * features[index + CLASSES] + 0.8 * noise[row * CLASSES + c];
    });
    if (output === 'softmax') targets[row * CLASSES + scores.indexOf(Math.max(...scores))] = 1;
    else for (const [c, score] of scores.entries()) targets[row * CLASSES + c] = score > 0.2 ? 1 : 0;
  }
  targets.copyWithin(ROWS * CLASSES, 0, rows.val * CLASSES);
  const task = output === 'softmax' ? 'multiclass' : 'multilabel';
  return { task, inputs: INPUTS, classes: CLASSES, rows, features: { none: features }, targets };
}

async function solved(
  output: Output,
  penalties: readonly number[],
  {
    shouldStop = () => false,
    labelSmoothing = 0,
    rows = data(output),
  }: { shouldStop?: () => boolean; labelSmoothing?: number; rows?: TrainingData } = {},
): Promise<TrainedHead[]> {
  const programs = createPrograms(await loadEngine('onnxruntime', { threads: 1 }));
  const heads: TrainedHead[] = [];
  const task = output === 'softmax' ? 'multiclass' : 'multilabel';
  await solveStack(
    penalties.map((l2, index) => ({
      id: String(index),
      config: resolveConfig({ optimizer: 'lbfgs', l2, labelSmoothing }, task),
    })),
    {
      data: rows,
      arena: createArena(),
      programs,
      initial: createInitialParameters(),
      onFinished: (head) => heads.push(head),
      onEpoch: () => {},
      shouldStop,
    },
  );
  await programs.release();
  return heads.sort((a, b) => Number(a.result.id) - Number(b.result.id));
}

describe.each<Output>(['softmax', 'sigmoid'])('exact %s heads', (output) => {
  it('reach the minimum of scikit-learn for a whole path of penalties', async () => {
    const heads = await solved(output, golden.penalties);
    for (const [index, { result }] of heads.entries()) {
      const [{ trainLoss }] = result.history;
      expect(Math.abs(trainLoss - golden[output][index]), `l2 ${golden.penalties[index]}`).toBeLessThan(
        1e-4 * golden[output][index],
      );
      expect(result.status).toBe('done');
      expect(result.seconds).toBeGreaterThan(0);
    }
  });

  it('have the same numbers alone and among others', async () => {
    const together = await solved(output, golden.penalties);
    const [alone] = await solved(output, golden.penalties.slice(2, 3));
    expect(alone.parameters).toEqual(together[2].parameters);
    expect(alone.result.history).toEqual(together[2].result.history);
  });

  it('fit better with a weaker penalty', async () => {
    const losses = (await solved(output, [1e-1, 1e-3])).map(({ result }) => result.val.loss ?? Number.NaN);
    expect(losses[1]).toBeLessThan(losses[0]);
  });
});

/** Every training row once for each class, weighing that class's share of its smoothed target. */
function spread(smoothing: number): TrainingData {
  const { features, targets, rows, ...rest } = data('softmax');
  const all = features.none as Float32Array;
  const [wide, own] = [new Float32Array(ROWS * CLASSES * INPUTS), new Uint8Array(ROWS * CLASSES * CLASSES)];
  const weights = new Float32Array(ROWS * CLASSES);
  for (let to = 0; to < ROWS * CLASSES; to++) {
    const [row, label] = [Math.floor(to / CLASSES), to % CLASSES];
    wide.set(all.subarray(row * INPUTS, (row + 1) * INPUTS), to * INPUTS);
    own[to * CLASSES + label] = 1;
    const target = (1 - smoothing) * targets[row * CLASSES + label] + smoothing / CLASSES;
    weights[to] = CLASSES * target;
  }
  const train = ROWS * CLASSES;
  return {
    ...rest,
    rows: { ...rows, train },
    features: { none: Float32Array.from([...wide, ...all.subarray(ROWS * INPUTS)]) },
    targets: Uint8Array.from([...own, ...targets.subarray(ROWS * CLASSES)]),
    weights: Float32Array.from([...weights, ...new Float32Array(rows.val).fill(1)]),
  };
}

it('smooths labels as if each row were of every class a little', async () => {
  const [smoothed] = await solved('softmax', [1e-3], { labelSmoothing: 0.1 });
  const [repeated] = await solved('softmax', [1e-3], { rows: spread(0.1) });
  const [plain] = await solved('softmax', [1e-3]);
  const [loss, other, without] = [smoothed, repeated, plain].map(({ result }) => result.history[0].trainLoss);
  expect(Math.abs(loss - other)).toBeLessThan(1e-4 * other);
  expect(loss).toBeGreaterThan(1.2 * without);
});

it('keeps what it has when it is asked to stop', async () => {
  let calls = 0;
  const [head] = await solved('softmax', [1e-4], { shouldStop: () => ++calls > 5 });
  expect(head.result.status).toBe('stopped');
  expect(head.parameters.some((weight) => weight !== 0)).toBe(true);
});
