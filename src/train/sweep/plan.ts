/** Which heads train side by side. */
import type { HeadConfig } from '../../shared/head/config.ts';

/** A head to train. */
export interface HeadJob {
  /** Its place in the sweep, which names it in every table and file. */
  id: string;
  config: HeadConfig;
  /** Which of several feature sources it trains on; default: the first. */
  source?: number;
  /** Train so many epochs although `config` allows more: for a head without validation rows. */
  lastEpoch?: number;
  /** Epochs that it has behind it: it goes on as it was paused. */
  startAfter?: number;
  /** Pause after this epoch, unless it ends before. */
  pauseAfter?: number;
}

/** Lanes of one wide product: enough to fill the matrix units, few enough that parameters stay in the cache. */
const MOST_LANES = 32;
/**
 * Columns that a wide product has at least; lanes without a head fill it up. onnxruntime cuts the inner sums of
 * narrower products differently (MLAS halves its column stride from 128 down to 16), so that without this a head's
 * last bits would depend on how many others train beside it.
 */
const LEAST_COLUMNS = 65;

/**
 * Groups the heads into stacks. Linear heads without dropout that see the same batches share one wide product;
 * heads with hidden layers fill the machine on their own and train one by one. Largest work first.
 */
export function planStacks(jobs: readonly HeadJob[]): HeadJob[][] {
  return groupedStacks(
    jobs,
    (job) => (isStackable(job.config) ? sharedSettings(job) : job.id),
    () => MOST_LANES,
  );
}

/** Stacks of at most `most` jobs with the same key, largest work first. */
export function groupedStacks(
  jobs: readonly HeadJob[],
  keyOf: (job: HeadJob) => string,
  most: (job: HeadJob) => number,
): HeadJob[][] {
  const groups = new Map<string, HeadJob[]>();
  for (const job of jobs) groups.set(keyOf(job), [...(groups.get(keyOf(job)) ?? []), job]);
  const stacks = [...groups.values()].flatMap((group) => chunks(group, most(group[0])));
  return stacks.sort((a, b) => work(b) - work(a));
}

/** Lanes of the stack in which so many heads train: their number, or more where the product would be too narrow. */
export function stackLanes(config: HeadConfig, heads: number, classes: number): number {
  return isStackable(config) ? Math.max(heads, Math.ceil(LEAST_COLUMNS / classes)) : 1;
}

function isStackable({ hidden, dropout, se }: HeadConfig): boolean {
  return hidden.length === 0 && dropout === 0 && se === 0;
}

/** Everything that decides which batches a head sees and how the optimiser kernel runs. */
const SHARED_SETTINGS = [
  'normalize',
  'output',
  'loss',
  'optimizer',
  'nesterov',
  'maxNorm',
  'batchSize',
  'classWeight',
  'labelSmoothing',
  'seed',
] as const satisfies (keyof HeadConfig)[];

export function sharedSettings({ config, startAfter = 0 }: HeadJob): string {
  return JSON.stringify([startAfter, ...SHARED_SETTINGS.map((key) => config[key])]);
}

/** Dealt out like cards, so that neighbours in a grid, which take about as long, are spread evenly. */
function chunks(jobs: HeadJob[], size: number): HeadJob[][] {
  const count = Math.ceil(jobs.length / size);
  return Array.from({ length: count }, (_, i) => jobs.filter((_, at) => at % count === i));
}

/** A rough cost, only used to start the longest stacks first. */
function work(stack: readonly HeadJob[]): number {
  return stack.reduce((sum, { config, startAfter = 0, pauseAfter = config.epochs }) => {
    const units = config.hidden.reduce((a, b) => a + b, 0);
    return sum + (pauseAfter - startAfter) * (1 + units);
  }, 0);
}
