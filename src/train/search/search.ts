/** What every way of searching needs, and what it ends with. */
import { Interrupted } from '../../shared/cli/command.ts';
import type { LiveView } from '../live.ts';
import type { Evaluation } from '../metrics/counts.ts';
import type { Prepared } from '../prepare.ts';
import type { Recorder } from '../recorded.ts';
import { type HeadResult, rankResults } from '../results/result.ts';
import type { SweepData } from '../sweep/data.ts';
import type { TrainedHead } from '../sweep/head-progress.ts';
import type { HeadJob } from '../sweep/plan.ts';
import { sweep } from '../sweep/sweep.ts';
import type { Configuration } from './configurations.ts';
import type { Standings } from './standings.ts';

export interface Search {
  configurations: readonly Configuration[];
  standings: Standings;
  view: LiveView;
  engine: string;
  workers: number;
  signal: AbortSignal;
  /** Heads that an earlier run of the same sweep finished, and where finished ones are kept. */
  recorder?: Recorder;
}

/** The head that was chosen. */
export interface Found {
  /** Its id is its configuration's. */
  head: TrainedHead;
  /** Its inputs are normalised as in `data`; the rows are those of the table. */
  prepared: Prepared;
  /** Answers for images that the head that gave them was not trained on; nothing was calibrated yet. */
  validation: Evaluation;
  /** Its configuration's line on the leaderboard: the mean over its heads, where there are several. */
  line: HeadResult;
}

/**
 * Trains heads that compete: each joins the standings and is shown as soon as it is done. Heads that are on record
 * join without being trained again.
 */
export async function compete(
  jobs: readonly HeadJob[],
  data: SweepData,
  { standings, view, recorder, ...context }: Search,
): Promise<void> {
  const recorded = new Map(recorder?.results.map((result) => [result.id, result]));
  for (const { id, config } of jobs) {
    const result = recorded.get(id);
    if (!result) continue;
    // Only the leader's parameters are on record, and only the leader's are needed.
    const { leader } = recorder ?? {};
    const parameters = leader?.result.id === id ? leader.parameters : new Float32Array(0);
    view.finished(standings.add({ result, parameters }), config.epochs);
  }
  await sweep(
    jobs.filter(({ id }) => !recorded.has(id)),
    {
      ...context,
      data,
      onEpoch: (heads) => view.epochs(heads),
      onFinished(trained) {
        const { config, epochs, status } = trained.result;
        if (status !== 'stopped') recorder?.record(trained);
        view.finished(standings.add(trained), Math.max(0, config.epochs - epochs));
      },
    },
  );
}

/** Trains heads that have won already, in the order of the jobs: the same job gives the same head. */
export async function trainAgain(
  jobs: readonly HeadJob[],
  data: SweepData,
  { engine, workers, signal }: Search,
): Promise<TrainedHead[]> {
  const trained = new Map<string, TrainedHead>();
  await sweep(jobs, {
    ...{ data, engine, workers, signal },
    onEpoch: () => {},
    onFinished: (head) => void trained.set(head.result.id, head),
  });
  throwIfStopped(signal);
  return jobs.flatMap(({ id }) => trained.get(id) ?? []);
}

/** @throws Interrupted when the user stopped a search that has no head to show for it */
export function throwIfStopped(signal: AbortSignal): void {
  if (signal.aborted)
    throw new Interrupted('Interrupted before a head was chosen: the same command goes on from there');
}

/** The best configuration none of whose heads diverged, or else that of the best head. There must be a leader. */
export function winningLine({ standings }: Search): HeadResult {
  const { leader } = standings;
  if (!leader) throw new Error('No head could be trained');
  const [first] = rankResults(standings.lines(), leader.result.config.monitor);
  return first.status === 'diverged' ? standings.lineOf(leader) : first;
}
