/** Configurations: heads that differ in nothing but their seed, and, with folds, in the images they are trained on. */

import type { SourceName } from '../dataset/source-options.ts';
import { type HeadConfig, METRICS, type Metrics } from '../head/config.ts';
import { settingColumns } from '../head/setting-columns.ts';
import type { TrainingJob } from '../training/head-progress.ts';
import type { HeadResult } from '../training/result.ts';

/** A head to train; its id is its place in the sweep. */
export interface HeadJob extends TrainingJob {
  /** Which of several feature sources it trains on; default: the first. */
  source?: number;
}

/** A head that may win, and the source it is trained on. */
export interface Candidate {
  config: HeadConfig;
  /** Its place in the list of sources. */
  source: number;
}

/** One line of the leaderboard. */
export interface Configuration {
  /** Its place in the sweep, which names it in every table and file. */
  id: string;
  /** With the first of its seeds. */
  config: HeadConfig;
  source: number;
  /** Where the sweep has several. */
  sourceName?: SourceName;
  seeds: number[];
}

/**
 * Groups heads by everything but their seed, in the order in which each first occurs; equal heads count once.
 * @param names of the sources, where there are several
 */
export function configurationsOf(
  candidates: readonly Candidate[],
  names: readonly SourceName[] = [],
): Configuration[] {
  const columns = settingColumns(candidates.map(({ config }) => config)).filter(
    ({ name }) => name !== 'seed',
  );
  const found = new Map<string, Configuration>();
  for (const { config, source } of candidates) {
    const identity = [source, ...columns.map(({ written }) => written(config))].join(' ');
    const existing = found.get(identity);
    if (existing?.seeds.includes(config.seed)) continue;
    if (existing) existing.seeds.push(config.seed);
    else {
      const id = String(found.size + 1);
      const name = names.length > 1 && { sourceName: names[source] };
      found.set(identity, { id, config, source, seeds: [config.seed], ...name });
    }
  }
  return [...found.values()];
}

/** The heads with `count` seeds each, counted up from their own. */
export function withSeeds(candidates: readonly Candidate[], count: number): Candidate[] {
  return candidates.flatMap(({ config, source }) =>
    Array.from({ length: count }, (_, more) => ({
      config: { ...config, seed: config.seed + more },
      source,
    })),
  );
}

/** The heads to train for a configuration, named after it: `3`, or `3-seed1`, `3-fold2`, `3-seed1-fold2`. */
export function jobsOf({ id, config, source, seeds }: Configuration, fold?: number): HeadJob[] {
  const inFold = fold === undefined ? '' : `-fold${fold}`;
  return seeds.map((seed) => ({
    id: `${id}${seeds.length > 1 ? `-seed${seed}` : ''}${inFold}`,
    config: { ...config, seed },
    source,
  }));
}

/** The configuration's id in the id of one of its heads. */
export function configurationId(jobId: string): string {
  return jobId.split('-')[0];
}

/**
 * A configuration's line: of one head its own result, of several the mean of their metrics with the spread, and the
 * mean of their epochs. It counts as diverged, stopped or dropped as soon as one head does.
 */
export function summariseRuns(
  { id, config, sourceName }: Configuration,
  finished: readonly HeadResult[],
): HeadResult {
  const source = sourceName && { source: sourceName };
  // In a fixed order, since a sum of floats depends on it.
  const runs = [...finished].sort((a, b) => a.id.localeCompare(b.id, 'en', { numeric: true }));
  const [only] = runs;
  if (runs.length === 1) return { ...only, id, ...source };
  const status = (['diverged', 'stopped', 'dropped', 'done'] as const).find((one) =>
    runs.some((run) => run.status === one),
  );
  const measured = METRICS.filter((name) => runs.some(({ val }) => name in val));
  const over = (statistic: (values: number[]) => number | null): Metrics =>
    Object.fromEntries(
      measured.map((name) => {
        const values = runs.map(({ val }) => val[name]).filter((value) => typeof value === 'number');
        return [name, values.length === 0 ? null : statistic(values)];
      }),
    );
  return {
    id,
    config,
    ...source,
    status: status ?? 'done',
    epochs: mean(runs.map(({ epochs }) => epochs)),
    bestEpoch: mean(runs.map(({ bestEpoch }) => bestEpoch)),
    seconds: runs.reduce((sum, { seconds }) => sum + seconds, 0),
    val: status === 'diverged' ? {} : over(mean),
    test: null,
    history: [],
    runs: runs.length,
    spread: over(deviation),
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Standard deviation of a sample; of a single value 0. */
function deviation(values: readonly number[]): number {
  const centre = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - centre) ** 2, 0);
  return Math.sqrt(squares / Math.max(1, values.length - 1));
}
