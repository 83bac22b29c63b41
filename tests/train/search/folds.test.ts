/** What cross-validation trains on, chooses and answers with. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { RawData } from '../../../src/shared/dataset/prepare.ts';
import type { FeatureSet } from '../../../src/shared/dataset/table.ts';
import type { Configuration } from '../../../src/shared/search/configurations.ts';
import type { HeadResult } from '../../../src/shared/training/result.ts';
import { crossValidate } from '../../../src/train/search/folds.ts';
import type { Search } from '../../../src/train/search/search.ts';
import { sweep } from '../../../src/train/sweep/sweep.ts';
import {
  FEATURES,
  linearConfigurations,
  linearHead,
  pretendSweep,
  probabilitiesOf,
  searchOf,
  TARGETS,
} from '../../support/synthetic-search.ts';

vi.mock('../../../src/train/sweep/sweep.ts', () => ({ sweep: vi.fn() }));
beforeEach(() => {
  vi.mocked(sweep).mockReset();
});

const WEIGHTS = Float32Array.of(1, 2, 3, 4, 5, 6, 7);
const RAW: RawData = { task: 'multiclass', classes: 2, targets: TARGETS, weights: WEIGHTS };
const setOf = (factor: number): FeatureSet => ({
  request: { features: [], pooling: [] },
  sources: [],
  inputs: 1,
  matrix: Float32Array.from(FEATURES, (feature) => factor * feature),
});

/** Six rows that train and one of the test part; row 4 is a view of row 3, and row 5 trains in every fold. */
const DIVISION = {
  rows: { train: 6, val: 0, test: 1 },
  foldOf: Int32Array.of(0, 1, 0, 1, 1, -1),
  folds: 2,
  views: Int16Array.of(0, 0, 0, 0, 1, 0, 0),
};
/** The rows of each fold, and how many of them train; the rest validate it. */
const FOLDS = [
  { order: [1, 3, 4, 5, 0, 2], train: 4, val: 2 },
  { order: [0, 2, 5, 1, 3], train: 3, val: 2 },
];
const featuresOf = (order: readonly number[], factor = 1) => order.map((row) => factor * FEATURES[row]);
const targetsOf = (order: readonly number[]) =>
  order.flatMap((row) => [...TARGETS.subarray(2 * row, 2 * row + 2)]);

type Results = Readonly<Record<string, Partial<HeadResult> & { slope?: number; loss?: number }>>;

async function crossValidated(
  configurations: readonly Configuration[],
  results: Results,
  overrides: Partial<Search> = {},
) {
  const { sweep: pretended, trainings } = pretendSweep((job) => linearHead(job, results[job.id]));
  vi.mocked(sweep).mockImplementation(pretended);
  const search = searchOf(configurations, { sets: [setOf(1), setOf(10)], ...overrides });
  return { found: await crossValidate(RAW, DIVISION, search), trainings, search };
}

describe('cross-validation', () => {
  const one = linearConfigurations([{}]);
  const results: Results = {
    '1-fold1': { loss: 0.2, slope: 1, bestEpoch: 4 },
    '1-fold2': { loss: 0.4, slope: 2, bestEpoch: 7 },
    1: { loss: 9, slope: 5, epochs: 6, bestEpoch: 6 },
  };

  it('trains each fold on the rows of the others, and validates it on its images alone', async () => {
    const { trainings } = await crossValidated(one, results);
    for (const [index, { order, train, val }] of FOLDS.entries())
      expect(trainings[index]).toMatchObject({
        job: { id: `1-fold${index + 1}`, source: 0 },
        rows: { train, val, test: 0 },
        features: { none: featuresOf(order) },
        targets: targetsOf(order),
        weights: order.map((row) => WEIGHTS[row]),
      });
  });

  it('answers for each row with the head that did not train on it', async () => {
    const { found } = await crossValidated(one, results);
    const { probabilities, targets, ...rest } = found!.validation;
    expect(rest).toEqual({ task: 'multiclass', classes: 2, rows: 4 });
    expect([...probabilities]).toEqual([
      ...probabilitiesOf(1, featuresOf([0, 2])),
      ...probabilitiesOf(2, featuresOf([1, 3])),
    ]);
    expect([...targets]).toEqual(targetsOf([0, 2, 1, 3]));
  });

  it('trains the chosen head again on all rows that are not tested, for the mean of the best epochs', async () => {
    const { found, trainings } = await crossValidated(one, results);
    // Each fold twice: its head is trained again for its answers.
    expect(trainings.map(({ job }) => job.id)).toEqual(['1-fold1', '1-fold2', '1-fold1', '1-fold2', '1']);
    expect(trainings[4]).toMatchObject({
      job: { id: '1', config: one[0].config, source: 0, lastEpoch: 6 },
      rows: DIVISION.rows,
      features: { none: FEATURES },
      targets: [...TARGETS],
      weights: [...WEIGHTS],
    });
    expect(found).toMatchObject({ source: 0, line: { id: '1', runs: 2 }, prepared: { data: { inputs: 1 } } });
    // Its own validation values are those of the folds: it has no validation rows.
    expect(found?.head.result).toMatchObject({ id: '1', epochs: 6, val: found?.line.val });
    expect(found?.line.val.loss).toBeCloseTo(0.3);
    expect(found?.head.parameters[0]).toBe(5);
  });

  it('trains at least one epoch', async () => {
    const early = { loss: 0.2, bestEpoch: 0.4 };
    const { trainings } = await crossValidated(one, { '1-fold1': early, '1-fold2': early, 1: {} });
    expect(trainings.at(-1)?.job.lastEpoch).toBe(1);
  });

  it('chooses by the mean over the folds, and on the source of the best', async () => {
    const two = linearConfigurations([{}, {}, { normalize: 'l2' }], { sources: [0, 1, 1] });
    const { found, trainings } = await crossValidated(two, {
      '1-fold1': { loss: 0.1 },
      '1-fold2': { loss: 0.9 },
      '2-fold1': { loss: 0.3 },
      '2-fold2': { loss: 0.4, slope: 3 },
      2: { loss: 0.3 },
      '3-fold1': { loss: 0.8 },
      '3-fold2': { loss: 0.8 },
    });
    expect(found).toMatchObject({ source: 1, line: { id: '2' } });
    const ids = trainings.map(({ job }) => job.id);
    expect(ids.slice(0, 6)).toEqual(['1-fold1', '1-fold2', '2-fold1', '3-fold1', '2-fold2', '3-fold2']);
    expect(ids.slice(6)).toEqual(['2-fold1', '2-fold2', '2']);
    expect(trainings.map(({ features: { none } }) => none)).toEqual([
      ...FOLDS.map(({ order }) => featuresOf(order)),
      ...FOLDS.flatMap(({ order }) => [featuresOf(order, 10), featuresOf(order, 10)]),
      ...FOLDS.map(({ order }) => featuresOf(order, 10)),
      FEATURES.map((feature) => 10 * feature),
    ]);
    expect(trainings.map(({ features }) => Object.keys(features).length)).toEqual([
      1, 1, 2, 2, 2, 2, 1, 1, 1,
    ]);
    const answers = [...(found?.validation.probabilities ?? [])];
    expect(answers.slice(4)).toEqual(probabilitiesOf(3, featuresOf([1, 3], 10)));
  });

  it('has the answers of the first seed', async () => {
    const seeded = linearConfigurations([{}], { seeds: 2 });
    const { found, trainings } = await crossValidated(seeded, {
      '1-seed0-fold1': { slope: 1 },
      '1-seed1-fold1': { slope: 2 },
      '1-seed0-fold2': { slope: 3 },
      '1-seed1-fold2': { slope: 4 },
      1: { slope: 5 },
    });
    expect(trainings.slice(4).map(({ job }) => job.id)).toEqual(['1-seed0-fold1', '1-seed0-fold2', '1']);
    expect([...(found?.validation.probabilities ?? [])].slice(4)).toEqual(
      probabilitiesOf(3, featuresOf([1, 3])),
    );
  });

  it('finds nothing where all heads diverge', async () => {
    const diverged = { status: 'diverged' } as const;
    const { found, trainings } = await crossValidated(one, { '1-fold1': diverged, '1-fold2': diverged });
    expect(found).toBeUndefined();
    expect(trainings).toHaveLength(2);
  });

  it('that is interrupted ends after the fold, with the reason', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    const { sweep: pretended, trainings } = pretendSweep((job) => linearHead(job, {}));
    vi.mocked(sweep).mockImplementation(pretended);
    const search = searchOf(one, { sets: [setOf(1)], signal });
    await expect(crossValidate(RAW, DIVISION, search)).rejects.toThrow('enough');
    expect(trainings).toHaveLength(1);
  });
});
