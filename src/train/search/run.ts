/** Fourth step of training: every head of a plan, and the one that is chosen. */

import { type FeatureFacts, featureFacts } from '../../shared/analysis/feature-facts.ts';
import { pausedInMemory } from '../../shared/checkpoint/paused-heads.ts';
import type { Checkpoint } from '../../shared/checkpoint/writer.ts';
import type { FeatureSet } from '../../shared/dataset/table.ts';
import { InputError } from '../../shared/errors.ts';
import type { Reporter } from '../../shared/reporter.ts';
import { liveView } from '../../shared/results/live.ts';
import { createLeaderboard } from '../../shared/search/leaderboard.ts';
import { crossValidate } from './folds.ts';
import { holdOut } from './hold-out.ts';
import type { SearchPlan } from './plan.ts';
import type { Found, Search } from './search.ts';

/** What a search ends with. */
export interface SearchOutcome {
  found: Found;
  search: Search;
  /** What each set's features were like before they were normalised in place. */
  facts: FeatureFacts[][];
  /** From features in memory to the last head evaluated. */
  seconds: number;
}

/**
 * Trains the heads and chooses one by the monitored validation metric. An aborted search chooses among what it has.
 * @param sets the features, in memory or on disk
 * @throws InputError when all heads diverge, the abort reason of `signal` where no head was finished
 */
export async function runSearch(
  plan: SearchPlan,
  sets: readonly FeatureSet[],
  { checkpoint, signal, reporter }: { checkpoint?: Checkpoint; signal: AbortSignal; reporter: Reporter },
): Promise<SearchOutcome> {
  const { dataset, configurations, folds, rungs, heads, epochs, engineName, workers } = plan;
  const { raw, table, division } = dataset;
  const [{ config }] = configurations;
  const started = performance.now();
  const facts = sets.map((set) => featureFacts(set, table.rows));
  const view = liveView({ metric: config.monitor, heads, epochs }, reporter);
  const search: Search = {
    sets,
    configurations,
    leaderboard: createLeaderboard(configurations, config.monitor),
    view,
    engine: engineName,
    workers,
    signal,
    ...(checkpoint && { checkpoint: checkpoint }),
    paused: checkpoint?.paused ?? pausedInMemory(),
  };
  const { rows, foldOf } = division;
  const found = await (folds === 0
    ? holdOut(raw, rows, search, rungs)
    : crossValidate(raw, { rows, foldOf, folds, views: table.views }, search)
  ).finally(() => view.stop());
  if (!found) {
    signal.throwIfAborted();
    checkpoint?.finish();
    throw new InputError(
      `${heads === 1 ? 'The head could not be trained: it' : `None of the ${heads} heads could be trained: all`} diverged; try a smaller --lr`,
    );
  }
  return { found, search, facts, seconds: (performance.now() - started) / 1000 };
}
