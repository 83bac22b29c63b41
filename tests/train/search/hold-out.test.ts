/** Which head one validation part chooses, and what comes with it. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { FeatureSet } from '../../../src/shared/dataset/table.ts';
import type { Configuration } from '../../../src/shared/search/configurations.ts';
import { rungsOf } from '../../../src/shared/search/halving.ts';
import type { HeadResult } from '../../../src/shared/training/result.ts';
import { holdOut } from '../../../src/train/search/hold-out.ts';
import type { Search } from '../../../src/train/search/search.ts';
import { sweep } from '../../../src/train/sweep/sweep.ts';
import {
  FEATURES,
  linearConfigurations,
  linearHead,
  pretendSweep,
  probabilitiesOf,
  ROWS,
  searchOf,
  TARGETS,
  type Training,
} from '../../support/synthetic-search.ts';

vi.mock('../../../src/train/sweep/sweep.ts', () => ({ sweep: vi.fn() }));
beforeEach(() => {
  vi.mocked(sweep).mockReset();
});

const RAW = { task: 'multiclass', classes: 2, targets: TARGETS, weights: undefined } as const;

/** @param factor each feature is this many times that of the first source */
const setOf = (factor: number): FeatureSet => ({
  request: { features: [], pooling: [] },
  sources: [],
  inputs: 1,
  matrix: Float32Array.from(FEATURES, (feature) => factor * feature),
});

/** Lets heads come to these results. */
async function chosen(
  configurations: readonly Configuration[],
  results: Readonly<Record<string, Partial<HeadResult> & { slope?: number; loss?: number }>>,
  overrides: Partial<Search> = {},
) {
  const { sweep: pretended, trainings } = pretendSweep((job) => linearHead(job, results[job.id]));
  vi.mocked(sweep).mockImplementation(pretended);
  const search = searchOf(configurations, { sets: [setOf(1), setOf(10)], ...overrides });
  return { found: await holdOut(RAW, ROWS, search), trainings, search };
}
const idsOf = (trainings: readonly Training[]) => trainings.map(({ job }) => job.id);

describe('the head that is chosen', () => {
  it('is the best of all, with its own answers for the validation rows', async () => {
    const configurations = linearConfigurations([{}, {}, {}]);
    const results = { 1: { loss: 0.3 }, 2: { loss: 0.1, slope: 2 }, 3: { loss: 0.2 } };
    const { found, trainings, search } = await chosen(configurations, results);
    expect(idsOf(trainings)).toEqual(['1', '2', '3']);
    expect(trainings.map(({ rows }) => rows)).toEqual([ROWS, ROWS, ROWS]);
    expect(found?.head.result).toEqual(search.leaderboard.runsOf('2')[0]);
    expect(found?.line).toEqual(search.leaderboard.lines()[1]);
    expect(found?.source).toBe(0);
    expect([...(found?.validation.probabilities ?? [])]).toEqual(probabilitiesOf(2, FEATURES.slice(4, 6)));
    expect([...(found?.validation.targets ?? [])]).toEqual([1, 0, 0, 1]);
    expect(found?.prepared.data.rows).toBe(ROWS);
  });

  it('trains and answers on its own source', async () => {
    const configurations = linearConfigurations([{}, { normalize: 'l2' }, {}], { sources: [0, 0, 1] });
    const results = { 1: { loss: 0.3 }, 2: { loss: 0.2 }, 3: { loss: 0.1, slope: 0.1 } };
    const { found, trainings } = await chosen(configurations, results);
    const tens = FEATURES.map((feature) => 10 * feature);
    expect(trainings.map(({ features }) => Object.keys(features))).toEqual([
      ['none', 'l2'],
      ['none', 'l2'],
      ['none'],
    ]);
    expect(trainings.map(({ features: { none } }) => none)).toEqual([FEATURES, FEATURES, tens]);
    expect(found).toMatchObject({ source: 1, line: { id: '3' } });
    expect([...(found?.validation.probabilities ?? [])]).toEqual(probabilitiesOf(0.1, tens.slice(4, 6)));
  });

  it('is the best seed of the configuration that is best on average, trained again where it does not lead', async () => {
    const configurations = linearConfigurations([{}, {}], { seeds: 2 });
    const results = {
      '1-seed0': { loss: 0.1 },
      '1-seed1': { loss: 0.9 },
      '2-seed0': { loss: 0.4 },
      '2-seed1': { loss: 0.3, slope: 3, epochs: 7, bestEpoch: 5 },
    };
    const { found, trainings } = await chosen(configurations, results);
    expect(idsOf(trainings)).toEqual(['1-seed0', '1-seed1', '2-seed0', '2-seed1', '2-seed1']);
    // As many epochs as the first time, so that it stops where it stopped.
    expect(trainings.map(({ job }) => job.lastEpoch)).toEqual([...Array(4).fill(undefined), 7]);
    expect(found?.head.result).toMatchObject({ id: '2', val: { loss: 0.3 }, config: { seed: 1 } });
    expect(found?.line).toMatchObject({ id: '2', runs: 2, val: { loss: expect.closeTo(0.35) } });
    expect([...(found?.validation.probabilities ?? [])]).toEqual(probabilitiesOf(3, FEATURES.slice(4, 6)));
  });

  it('is the leader after an interruption, whatever its configuration comes to', async () => {
    const configurations = linearConfigurations([{}, {}], { seeds: 2 });
    const results = {
      '1-seed0': { loss: 0.1, slope: 1 },
      '1-seed1': { loss: 0.9 },
      '2-seed0': { loss: 0.4 },
      '2-seed1': { loss: 0.3 },
    };
    const { found, trainings } = await chosen(configurations, results, { signal: AbortSignal.abort() });
    expect(idsOf(trainings)).toHaveLength(4);
    expect(found?.head.result).toMatchObject({ id: '1', val: { loss: 0.1 } });
    expect(found?.line).toMatchObject({ id: '1', val: { loss: 0.5 } });
  });

  it('is none where all diverge', async () => {
    const { found } = await chosen(linearConfigurations([{}]), { 1: { status: 'diverged' } });
    expect(found).toBeUndefined();
  });

  it('is one that halving leaves, with rungs', async () => {
    const configurations = linearConfigurations(Array.from({ length: 4 }, () => ({ epochs: 4 })));
    const pauses: (number | undefined)[] = [];
    vi.mocked(sweep).mockImplementation(async (jobs, { onFinished, onPaused }) => {
      for (const job of jobs) {
        pauses.push(job.pauseAfter);
        const epochs = job.pauseAfter ?? 4;
        const trained = linearHead(job, { loss: Number(job.id) / 10, epochs, bestEpoch: 1, slope: 1 });
        if (job.pauseAfter === undefined) onFinished(trained);
        else onPaused?.({ trained, probabilities: new Float32Array(4), state: {} as never });
      }
    });
    const search = searchOf(configurations, { sets: [setOf(1)] });
    const found = await holdOut(RAW, ROWS, search, rungsOf(configurations, 2));
    expect(pauses).toEqual([1, 1, 1, 1, 2, 2, undefined]);
    expect(found?.line).toMatchObject({ id: '1', status: 'done', epochs: 4 });
  });
});
