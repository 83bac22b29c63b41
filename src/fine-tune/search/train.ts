/** Fourth step: every fine-tuning, on one core each. */
import { join } from 'node:path';
import { pausedInMemory } from '../../shared/checkpoint/paused-heads.ts';
import type { Checkpoint } from '../../shared/checkpoint/writer.ts';
import type { Reporter } from '../../shared/reporter.ts';
import { liveView } from '../../shared/results/live.ts';
import { type Competition, joinEnded, joinFinished } from '../../shared/search/competition.ts';
import { type HeadJob, jobsOf } from '../../shared/search/configurations.ts';
import { createLeaderboard } from '../../shared/search/leaderboard.ts';
import { makeFolder } from '../../shared/store/files.ts';
import type { TuningPlan } from '../plan.ts';
import type { TailJob } from '../tail/train-tail.ts';
import { trainTails } from '../tail/train-tails.ts';
import { joinedNumbers } from './numbers.ts';

/** What training ends with. */
export interface TuningOutcome {
  competition: Competition;
  /** Probabilities of the validation images [rows, classes], of each training of this run, by id. */
  validations: Map<string, Float32Array>;
  /** First batch to last epoch. */
  seconds: number;
}

interface Context {
  checkpoint?: Checkpoint;
  signal: AbortSignal;
  reporter: Reporter;
}

/** Where trainings under way are saved, inside a checkpoint. */
const STATES = 'tails';

/** Trains what is not on record. When `signal` aborts, those under way end with the best that they had. */
export async function trainTunings(
  plan: TuningPlan,
  { checkpoint, signal, reporter }: Context,
): Promise<TuningOutcome> {
  const { configurations, monitor } = plan;
  const started = performance.now();
  const jobs = configurations.flatMap((configuration) => jobsOf(configuration));
  const epochs = jobs.reduce((sum, { config }) => sum + config.epochs, 0);
  const view = liveView({ metric: monitor, heads: jobs.length, epochs }, reporter);
  const competition: Competition = {
    configurations,
    leaderboard: createLeaderboard(configurations, monitor),
    view,
    signal,
    paused: pausedInMemory(),
    ...(checkpoint && { checkpoint }),
  };
  const validations = new Map<string, Float32Array>();
  const folder = checkpoint && join(checkpoint.folder, STATES);
  if (folder) await makeFolder(folder);
  try {
    const finished = joinFinished(jobs, competition);
    for (const [network, request] of plan.requests.entries()) {
      const waiting = jobs.filter((job) => job.source === network && !finished.has(job.id));
      await trainTails(waiting.map(tailJob), {
        ...request,
        signal,
        ...(folder && { checkpoint: { folder } }),
        onEpoch: () => view.epochs(1),
        onFinished(trained) {
          validations.set(trained.result.id, trained.validation);
          joinEnded(joinedNumbers(trained, request.network), competition);
        },
      });
    }
  } finally {
    view.stop();
  }
  return { competition, validations, seconds: (performance.now() - started) / 1000 };
}

/** A job of the search as the trainer takes it. */
export function tailJob({ id, config }: HeadJob): TailJob {
  const { tail } = config;
  if (!tail) throw new Error(`Training ${id} has no tail`);
  return { id, config: { ...config, tail } };
}
