/** What every way of searching needs, and what it ends with. */

import type { TrainingData } from '../../shared/dataset/data.ts';
import type { Prepared } from '../../shared/dataset/prepare.ts';
import type { FeatureSet } from '../../shared/dataset/table.ts';
import type { Normalization } from '../../shared/head/config.ts';
import type { Evaluation } from '../../shared/metrics/counts.ts';
import { type Competition, joinEnded, joinFinished, type Outcomes } from '../../shared/search/competition.ts';
import type { Configuration, HeadJob } from '../../shared/search/configurations.ts';
import type { TrainedHead } from '../../shared/training/head-progress.ts';
import type { HeadResult } from '../../shared/training/result.ts';
import { sweep } from '../sweep/sweep.ts';

export interface Search extends Competition {
  /** The sources' features, by the configurations' `source`. */
  sets: readonly FeatureSet[];
  engine: string;
  workers: number;
}

/** The head that was chosen. */
export interface Found {
  /** Its id is its configuration's. */
  head: TrainedHead;
  /** Its inputs are normalised as in `data`, its source's; the rows are those of the table. */
  prepared: Prepared;
  /** Predictions for images that the head that gave them was not trained on; nothing was calibrated yet. */
  validation: Evaluation;
  /** Its configuration's line on the leaderboard: the mean over its heads, where there are several. */
  line: HeadResult;
  /** What it was trained on: its source's place in the list. */
  source: number;
  /** The data of the sources whose heads can be compared with it, by their place: with folds only its own. */
  data: ReadonlyMap<number, TrainingData>;
}

/**
 * Trains heads that compete: each joins the standings and is shown as soon as it is done. Heads that are on record
 * join without being trained again.
 * @param data what heads train on, by their source
 */
export async function compete(
  jobs: readonly HeadJob[],
  data: ReadonlyMap<number, TrainingData>,
  search: Search,
): Promise<void> {
  const finished = joinFinished(jobs, search);
  await sweepInto(
    jobs.filter(({ id }) => !finished.has(id)),
    data,
    search,
  );
}

/** Trains heads, records those that end, and lets them join the standings. */
export async function sweepInto(
  jobs: readonly HeadJob[],
  data: ReadonlyMap<number, TrainingData>,
  search: Search,
  { onEnded, onPaused }: Outcomes = {},
): Promise<void> {
  const { view, paused, engine, workers, signal } = search;
  for (const [source, own] of data) {
    await sweep(
      jobs.filter((job) => (job.source ?? 0) === source),
      {
        engine,
        workers,
        signal,
        data: own,
        pausedHead: (id) => paused.get(id),
        onPaused,
        onEpoch: (heads) => view.epochs(heads),
        onFinished(trained) {
          joinEnded(trained, search);
          onEnded?.(trained.result);
        },
      },
    );
  }
}

/**
 * Trains heads that have won already, in the order of the jobs: the same job gives the same head.
 * @throws the abort reason of the search's signal
 */
export async function trainAgain(
  jobs: readonly HeadJob[],
  data: ReadonlyMap<number, TrainingData>,
  { engine, workers, signal }: Search,
): Promise<TrainedHead[]> {
  const trained = new Map<string, TrainedHead>();
  for (const [source, own] of data) {
    await sweep(
      jobs.filter((job) => (job.source ?? 0) === source),
      {
        data: own,
        engine,
        workers,
        signal,
        onEpoch: () => {},
        onFinished: (head) => void trained.set(head.result.id, head),
      },
    );
  }
  signal.throwIfAborted();
  return jobs.flatMap(({ id }) => trained.get(id) ?? []);
}

/** The input normalisations that the heads of a source ask for. */
export function normalizationsOf(
  configurations: readonly Configuration[],
  source: number,
): Set<Normalization> {
  const own = configurations.filter((configuration) => configuration.source === source);
  return new Set(own.map(({ config }) => config.normalize));
}
