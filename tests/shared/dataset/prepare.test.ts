/** From a table's rows to what a sweep trains on. */
import { describe, expect, it } from 'vitest';
import { copyingPreparer, prepareInPlace, splitEvaluation } from '../../../src/shared/dataset/prepare.ts';
import type { FeatureSet } from '../../../src/shared/dataset/table.ts';
import type { Normalization } from '../../../src/shared/head/config.ts';

/** Two training rows, then one of validation and one of test; what is fitted must not see the last two. */
const FEATURES = [1, 10, 3, 30, 300, 400, 5, 12];
const ROWS = { train: 2, val: 1, test: 1 };
const TARGETS = Uint8Array.of(1, 0, 0, 1, 1, 0, 0, 1);
const RAW = { task: 'multiclass', classes: 2, targets: TARGETS, weights: undefined } as const;
const STANDARDIZED = [-1, -1, 1, 1, 298, 38, 3, -0.8];
const UNIT = [300 / 500, 400 / 500, 5 / 13, 12 / 13];

const setOf = (): FeatureSet => ({
  request: { features: [], pooling: [] },
  sources: [],
  inputs: 2,
  matrix: Float32Array.from(FEATURES),
});
const close = (values: ArrayLike<number>) => Array.from(values, (value) => expect.closeTo(value, 5));
const numbers = (values: unknown) => [...(values as Float32Array)];

describe('a matrix in memory', () => {
  it.each<[Normalization[]]>([
    [['none']],
    [['standardize']],
    [['l2', 'standardize', 'none']],
    [['standardize', 'none', 'l2']],
  ])('is normalised as %j, by statistics of the training rows alone', (normalizations) => {
    const set = setOf();
    const { data, statistics } = prepareInPlace(RAW, set, ROWS, new Set(normalizations));
    expect(Object.keys(data.features).sort()).toEqual([...normalizations].sort());
    const { none, standardize, l2 } = data.features;
    if (none) expect(numbers(none)).toEqual(FEATURES);
    if (standardize) expect(numbers(standardize)).toEqual(close(STANDARDIZED));
    if (l2) expect(numbers(l2).slice(4)).toEqual(close(UNIT));
    // The last one takes the place of the matrix; each other has a memory of its own, shared with the workers.
    expect(data.features[normalizations.at(-1)!]).toBe(set.matrix);
    for (const name of normalizations.slice(0, -1))
      expect((data.features[name] as Float32Array).buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(statistics && numbers(statistics.mean)).toEqual(standardize ? [2, 20] : undefined);
    expect(data).toMatchObject({ task: 'multiclass', inputs: 2, classes: 2, rows: ROWS, targets: TARGETS });
    expect('weights' in data).toBe(false);
  });

  it('comes with the weights that rows have', () => {
    const weights = Float32Array.of(1, 2, 3, 4);
    expect(prepareInPlace({ ...RAW, weights }, setOf(), ROWS, new Set(['none'])).data.weights).toBe(weights);
  });
});

it('a matrix in a file stays as it is: rows are normalised as they are read', () => {
  const matrix = { path: '/nowhere', maxRows: 3, normalize: 'none' } as const;
  const { data, statistics } = prepareInPlace(RAW, { ...setOf(), matrix }, ROWS, new Set(['none', 'l2']));
  expect(data.features).toEqual({ none: matrix, l2: { ...matrix, normalize: 'l2' } });
  expect(statistics).toBeUndefined();
});

describe('a copy of some rows', () => {
  it('has their features, targets and weights in the order given, normalised by its own training rows', () => {
    const set = setOf();
    const weights = Float32Array.of(1, 2, 3, 4);
    const prepare = copyingPreparer({ ...RAW, weights }, set, new Set(['none', 'standardize']));
    const rows = { train: 2, val: 1, test: 0 };
    const { data, statistics } = prepare(Int32Array.of(1, 3, 0), rows);
    expect(numbers(data.features.none)).toEqual([3, 30, 5, 12, 1, 10]);
    expect(numbers(statistics?.mean)).toEqual([4, 21]);
    expect(numbers(data.features.standardize)).toEqual(close([-1, 1, 1, -1, -3, -11 / 9]));
    expect([...data.targets]).toEqual([0, 1, 0, 1, 1, 0]);
    expect(numbers(data.weights)).toEqual([2, 4, 1]);
    expect(data).toMatchObject({ rows, inputs: 2, classes: 2, task: 'multiclass' });
    // The set is as it was, for the next fold.
    expect(numbers(set.matrix)).toEqual(FEATURES);
    expect(numbers(prepare(Int32Array.of(0), { train: 1, val: 0, test: 0 }).data.features.none)).toEqual([
      1, 10,
    ]);
  });

  it('has no weights where rows have none', () => {
    const prepare = copyingPreparer(RAW, setOf(), new Set(['l2']));
    const { data, statistics } = prepare(Int32Array.of(2, 3), { train: 1, val: 1, test: 0 });
    expect(numbers(data.features.l2)).toEqual(close(UNIT));
    expect([statistics, 'weights' in data]).toEqual([undefined, false]);
  });
});

it('a split is evaluated on its own rows', () => {
  const { data } = prepareInPlace(RAW, setOf(), ROWS, new Set(['none']));
  const probabilities = Float32Array.from({ length: 8 }, (_, i) => i);
  const val = splitEvaluation(data, probabilities, 'val');
  expect([...val.probabilities, ...val.targets]).toEqual([4, 5, 1, 0]);
  const test = splitEvaluation(data, probabilities, 'test');
  expect([...test.probabilities, ...test.targets]).toEqual([6, 7, 0, 1]);
  expect(test).toMatchObject({ rows: 1, classes: 2, task: 'multiclass' });
});
