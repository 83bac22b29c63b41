/** Heads that compete: each joins the leaderboard as soon as it is done, and is on record from then on. */

import type { PausedHeads } from '../checkpoint/paused-heads.ts';
import type { Checkpoint } from '../checkpoint/writer.ts';
import type { LiveView } from '../results/live.ts';
import type { PausedHead, TrainedHead } from '../training/head-progress.ts';
import { type HeadResult, rankResults } from '../training/result.ts';
import type { Configuration, HeadJob } from './configurations.ts';
import type { Leaderboard } from './leaderboard.ts';

export interface Competition {
  configurations: readonly Configuration[];
  leaderboard: Leaderboard;
  view: LiveView;
  signal: AbortSignal;
  /** Heads that an earlier run of the same sweep finished, and where finished ones are kept. */
  checkpoint?: Checkpoint;
  /** Heads that halving has paused. */
  paused: PausedHeads;
}

/** Called for what becomes of heads, beside their joining the leaderboard. */
export interface Outcomes {
  onEnded?(result: HeadResult): void;
  onPaused?(paused: PausedHead): void;
}

/** Trains heads, and lets those that end join with {@link joinEnded}. */
export type TrainJobs = (jobs: readonly HeadJob[], outcomes: Outcomes) => Promise<void>;

/** Lets the heads that are on record join the leaderboard; returns their results by id. */
export function joinFinished(
  jobs: readonly HeadJob[],
  { leaderboard, view, checkpoint }: Competition,
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

/** Records a head that has ended, unless the user stopped it, and lets it join the leaderboard. */
export function joinEnded(trained: TrainedHead, { leaderboard, view, checkpoint }: Competition): void {
  const { config, epochs, status } = trained.result;
  if (status !== 'stopped') checkpoint?.record(trained);
  view.finished(leaderboard.add(trained), Math.max(0, config.epochs - epochs));
}

/** The best configuration none of whose heads diverged, or else that of the best head. There must be a leader. */
export function winningLine({ leaderboard }: Pick<Competition, 'leaderboard'>): HeadResult {
  const { leader } = leaderboard;
  if (!leader) throw new Error('No head could be trained');
  const [first] = rankResults(leaderboard.lines(), leader.result.config.monitor);
  return first.status === 'diverged' ? leaderboard.lineOf(leader) : first;
}
