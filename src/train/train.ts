/** Stage two: a sweep of heads on stored features, from feature stores to a chosen head. Start reading here. */

import type { Checkpoint } from '../shared/checkpoint/writer.ts';
import { loadDataset } from '../shared/dataset/load.ts';
import { type MatrixFiles, writeMatrices } from '../shared/dataset/matrix-files.ts';
import { splitDataset } from '../shared/dataset/split-dataset.ts';
import { counted } from '../shared/plural.ts';
import type { Reporter } from '../shared/reporter.ts';
import type { Training } from '../shared/results/training.ts';
import { shownBytes } from '../shared/values.ts';
import { reviewSearch } from './evaluation/review.ts';
import type { TrainOptions } from './options/train-options.ts';
import { defaultGrid, smoothed } from './search/default-grid.ts';
import { planSearch, type SearchPlan } from './search/plan.ts';
import { runSearch } from './search/run.ts';
import { normalizationCount, splitBySource } from './search/sources.ts';

interface Context {
  signal: AbortSignal;
  reporter: Reporter;
}

interface RunOptions {
  /** Where finished heads are kept, so that a killed sweep resumes; default: nowhere. */
  checkpoint?: Checkpoint;
  /** Whether the best heads are trained once more to see how right they are on training images; default: no. */
  watchTraining?: boolean;
  /** The run's folder, where there is one. */
  out?: string;
}

/**
 * Trains the heads and chooses the best by the monitored validation metric.
 * @throws InputError for features or labels that cannot be trained on, UsageError for options that exclude each other,
 *   the abort reason of `signal` where no head was chosen
 */
export async function train(options: TrainOptions, context: Context): Promise<Training> {
  return runPlan(await planTraining(options, context), {}, context);
}

/** Loads the data, splits them and plans the heads; throws as {@link train} does. */
export async function planTraining(
  options: TrainOptions,
  { signal, reporter }: Context,
): Promise<SearchPlan> {
  signal.throwIfAborted();
  const { source, head } = options;
  const grid = options.grid === 'default' ? await defaultGrid(options, reporter) : options.grid;
  const { sources, blocks } = splitBySource(grid ?? [{}], source);
  const copies = normalizationCount(blocks, head);
  const dataset = await loadDataset({ ...options, sources, copies }, reporter);
  const split = splitDataset(dataset, { ...options, seed: head.seed }, reporter);
  const heads = options.grid === 'default' ? smoothed(blocks, head, dataset.task) : blocks;
  return planSearch(split, heads, options, reporter);
}

/** Searches and reviews; a plan runs once. Throws as {@link train} does. */
export async function runPlan(
  plan: SearchPlan,
  { checkpoint, watchTraining = false, out }: RunOptions,
  { signal, reporter }: Context,
): Promise<Training> {
  using files = await matrixFiles(plan, checkpoint?.folder, reporter);
  const sets = files?.sets ?? plan.dataset.table.sets;
  const outcome = await runSearch(plan, sets, { checkpoint, signal, reporter });
  // Awaited here: the files must be there until the review has read them.
  return await reviewSearch(plan, outcome, { watchTraining, out });
}

/** Features that do not fit into memory lie in files while heads train; undefined where they fit. */
async function matrixFiles(
  { dataset: { table, memory } }: SearchPlan,
  folder: string | undefined,
  reporter: Reporter,
): Promise<MatrixFiles | undefined> {
  const { isStreamed, neededBytes, maxBytes } = memory;
  if (!isStreamed) return undefined;
  const files = await writeMatrices(table, { folder, maxBytes });
  reporter.info(
    `Features of ${shownBytes(neededBytes)} do not fit into ${shownBytes(maxBytes)}: read from disk in blocks of ${counted(files.blockRows, 'row')}`,
  );
  return files;
}
