/** Searches whose heads only pretend to train: their numbers are given, and what they would be trained on is noted. */
import { expect, vi } from 'vitest';
import { pausedInMemory } from '../../src/shared/checkpoint/paused-heads.ts';
import type { TrainingData } from '../../src/shared/dataset/data.ts';
import type { HeadRequest } from '../../src/shared/head/options.ts';
import { resolveConfig } from '../../src/shared/head/resolve.ts';
import {
  type Configuration,
  configurationsOf,
  type HeadJob,
  withSeeds,
} from '../../src/shared/search/configurations.ts';
import { createLeaderboard } from '../../src/shared/search/leaderboard.ts';
import type { TrainedHead } from '../../src/shared/training/head-progress.ts';
import type { HeadResult } from '../../src/shared/training/result.ts';
import type { Search } from '../../src/train/search/search.ts';
import type { SweepOptions } from '../../src/train/sweep/sweep.ts';
import { headResult } from './head-results.ts';

/** Seven rows with one feature: four to train, two to validate, one to test. */
export const ROWS = { train: 4, val: 2, test: 1 };
export const FEATURES: readonly number[] = [0, 1, 2, 3, 4, 5, 6];
/** Whether each row is of the first of two classes. */
const FIRST_CLASS = [1, 0, 1, 0, 1, 0, 1];
export const TARGETS = Uint8Array.from(FIRST_CLASS.flatMap((label) => [label, 1 - label]));

export const DATA: TrainingData = {
  task: 'multiclass',
  inputs: 1,
  classes: 2,
  rows: ROWS,
  targets: TARGETS,
  features: { none: Float32Array.from(FEATURES) },
};

/** Configurations of linear heads, `1`, `2` and so on, that differ in their penalty at least. */
export function linearConfigurations(
  requests: readonly Partial<HeadRequest>[],
  { seeds = 1, sources = [] }: { seeds?: number; sources?: readonly number[] } = {},
): Configuration[] {
  const candidates = requests.map((request, index) => ({
    config: resolveConfig({ l2: (index + 1) / 1000, normalize: 'none', ...request }, 'multiclass'),
    source: sources[index] ?? 0,
  }));
  return configurationsOf(withSeeds(candidates, seeds));
}

/** A linear head that gives the first class the probability 1 / (1 + exp(-slope * feature)). */
export function linearHead(
  { id, config }: Pick<HeadJob, 'id' | 'config'>,
  { slope = 0, loss = 0.5, ...result }: Partial<HeadResult> & { slope?: number; loss?: number },
): TrainedHead {
  const val = result.status === 'diverged' ? {} : { loss };
  return {
    result: headResult(id, 0, { config, val, ...result }),
    parameters: Float32Array.of(slope, 0, 0, 0),
  };
}

/** The probabilities of both classes by {@link linearHead}, feature after feature. */
export function probabilitiesOf(slope: number, features: readonly number[]): number[] {
  return features
    .map((feature) => 1 / (1 + Math.exp(-slope * feature)))
    .flatMap((first) => [expect.closeTo(first, 5), expect.closeTo(1 - first, 5)]);
}

/** What a head was trained on. */
export interface Training {
  job: HeadJob;
  rows: TrainingData['rows'];
  /** By normalisation, the rows that train and validate. */
  features: Record<string, number[]>;
  targets: number[];
  weights?: number[];
}

/**
 * Stands in for `sweep`.
 * @param outcome of a job, or nothing where it is not finished
 */
export function pretendSweep(outcome: (job: HeadJob) => TrainedHead | undefined) {
  const trainings: Training[] = [];
  const sweep = async (jobs: readonly HeadJob[], { data, onFinished }: SweepOptions): Promise<void> => {
    for (const job of jobs) {
      const { rows, features, targets, weights } = data;
      const numbers = Object.entries(features).map(([name, matrix]) => [name, [...(matrix as Float32Array)]]);
      trainings.push({
        job,
        rows,
        features: Object.fromEntries(numbers),
        targets: [...targets],
        ...(weights && { weights: [...weights] }),
      });
      const head = outcome(job);
      if (head) onFinished(head);
    }
  };
  return { sweep, trainings };
}

/** A search in which no head was trained yet. */
export function searchOf(configurations: readonly Configuration[], overrides: Partial<Search> = {}): Search {
  return {
    sets: [],
    configurations,
    engine: 'onnxruntime',
    workers: 1,
    leaderboard: createLeaderboard(configurations, 'loss'),
    signal: new AbortController().signal,
    paused: pausedInMemory(),
    view: { epochs: vi.fn(), finished: vi.fn(), stop: vi.fn() },
    ...overrides,
  };
}
