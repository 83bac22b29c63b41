/** What every way of searching needs, and what it ends with. */

import type { PausedHeads } from '../../shared/checkpoint/paused-heads.ts';
import type { Checkpoint } from '../../shared/checkpoint/writer.ts';
import type { TrainingData } from '../../shared/dataset/data.ts';
import type { Prepared } from '../../shared/dataset/prepare.ts';
import type { FeatureSet } from '../../shared/dataset/table.ts';
import type { Normalization } from '../../shared/head/config.ts';
import type { Evaluation } from '../../shared/metrics/counts.ts';
import type { LiveView } from '../../shared/results/live.ts';
import type { PausedHead, TrainedHead } from '../../shared/training/head-progress.ts';
import { type HeadResult, rankResults } from '../../shared/training/result.ts';
import type { HeadJob } from '../sweep/plan.ts';
import { sweep } from '../sweep/sweep.ts';
import type { Configuration } from './configurations.ts';
import type { Leaderboard } from './leaderboard.ts';

export interface Search {
  /** The sources' features, by the configurations' `source`. */
  sets: readonly FeatureSet[];
  configurations: readonly Configuration[];
  leaderboard: Leaderboard;
  view: LiveView;
  engine: string;
  workers: number;
  signal: AbortSignal;
  /** Heads that an earlier run of the same sweep finished, and where finished ones are kept. */
  checkpoint?: Checkpoint;
  /** Heads that halving has paused. */
  paused: PausedHeads;
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

/** Called for what becomes of heads, beside their joining the standings. */
interface Outcomes {
  onEnded?(result: HeadResult): void;
  onPaused?(paused: PausedHead): void;
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

/** Lets the heads that are on record join the standings; returns their results by id. */
export function joinFinished(
  jobs: readonly HeadJob[],
  { leaderboard, view, checkpoint }: Search,
): Map<string, HeadResult> {
  const finished = new Map(checkpoint?.results.map((result) => [result.id, result]));
  const joined = new Map<string, HeadResult>();
  for (const { id, config } of jobs) {
    const result = finished.get(id);
    if (!result) continue;
    joined.set(id, result);
    // Only the leader's parameters are on record, and only the leader's are needed.
    const { leader } = checkpoint ?? {};
    const parameters = leader?.result.id === id ? leader.parameters : new Float32Array(0);
    view.finished(leaderboard.add({ result, parameters }), config.epochs);
  }
  return joined;
}

/** Trains heads, records those that end, and lets them join the standings. */
export async function sweepInto(
  jobs: readonly HeadJob[],
  data: ReadonlyMap<number, TrainingData>,
  { leaderboard, view, checkpoint, paused, ...context }: Search,
  { onEnded, onPaused }: Outcomes = {},
): Promise<void> {
  for (const [source, own] of data) {
    await sweep(
      jobs.filter((job) => (job.source ?? 0) === source),
      {
        ...context,
        data: own,
        pausedHead: (id) => paused.get(id),
        onPaused,
        onEpoch: (heads) => view.epochs(heads),
        onFinished(trained) {
          const { config, epochs, status } = trained.result;
          if (status !== 'stopped') checkpoint?.record(trained);
          view.finished(leaderboard.add(trained), Math.max(0, config.epochs - epochs));
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

/** The best configuration none of whose heads diverged, or else that of the best head. There must be a leader. */
export function winningLine({ leaderboard }: Search): HeadResult {
  const { leader } = leaderboard;
  if (!leader) throw new Error('No head could be trained');
  const [first] = rankResults(leaderboard.lines(), leader.result.config.monitor);
  return first.status === 'diverged' ? leaderboard.lineOf(leader) : first;
}

/** The input normalisations that the heads of a source ask for. */
export function normalizationsOf(
  configurations: readonly Configuration[],
  source: number,
): Set<Normalization> {
  const own = configurations.filter((configuration) => configuration.source === source);
  return new Set(own.map(({ config }) => config.normalize));
}
