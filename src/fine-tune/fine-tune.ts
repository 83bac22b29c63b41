/** Stage three: the end of a backbone trained with a head, from activations that are computed once. Start reading here. */
import type { Checkpoint } from '../shared/checkpoint/writer.ts';
import type { Reporter } from '../shared/reporter.ts';
import { planTuning, type TuningPlan } from './plan.ts';
import { reviewTuning, type Tuning } from './review.ts';
import { trainTunings } from './search/train.ts';
import type { TuneOptions } from './tune-options.ts';

interface Context {
  signal: AbortSignal;
  reporter: Reporter;
}

/**
 * Opens the head, cuts its backbone, caches activations, trains, and chooses the best or the head itself.
 * @throws as {@link planTuning} does, and the abort reason of `signal` where nothing was trained yet
 */
export async function tune(options: TuneOptions, context: Context): Promise<Tuning> {
  return runTuning(await planTuning(options, context), {}, context);
}

/** Trains and reviews; throws as {@link tune} does. */
export async function runTuning(
  plan: TuningPlan,
  { checkpoint, out }: { checkpoint?: Checkpoint; out?: string },
  { signal, reporter }: Context,
): Promise<Tuning> {
  const outcome = await trainTunings(plan, { checkpoint, signal, reporter });
  if (!outcome.competition.leaderboard.leader) signal.throwIfAborted();
  return reviewTuning(plan, outcome, out);
}
