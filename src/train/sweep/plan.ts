/** Which heads train side by side. */
import type { HeadConfig } from '../../shared/head/config.ts';
import { wideLayer } from '../../shared/head/forward.ts';
import { headLayers } from '../../shared/head/layers.ts';
import type { HeadJob } from '../../shared/search/configurations.ts';

/** Linear heads of one stack: with 32, a fifth of the time went into laying out batches for the product that they share. */
const MAX_LINEAR = 128;
/** Classes that they have together, at most: 900 of 2,048 features take 30 MB with gradients and moments. */
const MAX_CLASSES = 900;
/** Units that the first hidden layers of a stack have together, at most: heads of 64 took an eighth less time 16 at a time than 4. */
const MAX_UNITS = 1024;

/**
 * Groups heads that see the same batches and have the same layers: they share batches, masks and the product with the features.
 * Largest work first.
 * @param classes that every head tells apart
 * @param workers that are to be kept busy, where there are heads enough
 */
export function planStacks(jobs: readonly HeadJob[], classes: number, workers: number): HeadJob[][] {
  const max = ({ config }: HeadJob) => (isStackable(config) ? maxHeads(config, classes) : 1);
  return balanced(groupedStacks(jobs, stackKey, max, workers), workers);
}

/** By how much the busiest worker may have more to do than all on average. */
const UNEVEN = 1.1;
/** Stacks with less of a worker's work than this are split no further: it would not even anything out. */
const SMALL = 1 / 8;

/** Splits the largest stacks where that lets the last worker be done sooner, and no more than that. */
function balanced(stacks: HeadJob[][], workers: number): HeadJob[][] {
  const even = stacks.reduce((sum, stack) => sum + work(stack), 0) / workers;
  let best = { stacks, busiest: busiest(stacks, workers) };
  for (let plan = stacks; best.busiest > UNEVEN * even; ) {
    const [largest, ...others] = plan;
    if (largest.length === 1 || work(largest) < SMALL * even) break;
    plan = largestFirst([...dealt(largest, 2), ...others]);
    const next = busiest(plan, workers);
    if (next < best.busiest) best = { stacks: plan, busiest: next };
  }
  return best.stacks;
}

/** The work of the worker with most of it, where each stack goes to the worker that is free first. */
function busiest(stacks: readonly HeadJob[][], workers: number): number {
  const loads = new Array<number>(workers).fill(0);
  for (const stack of stacks) loads[loads.indexOf(Math.min(...loads))] += work(stack);
  return Math.max(...loads);
}

function maxHeads({ hidden: [units] }: HeadConfig, classes: number): number {
  const together =
    units === undefined
      ? Math.min(MAX_LINEAR, Math.floor(MAX_CLASSES / classes))
      : Math.floor(MAX_UNITS / units);
  return Math.max(1, together);
}

/**
 * Heads without a product that they could share gain nothing side by side. And onnxruntime cuts sums over a batch differently
 * from lane to lane where numbers of units are no multiple of 4, and a softmax inside with the number of lanes.
 */
function isStackable(config: HeadConfig): boolean {
  const { hidden, activation } = config;
  const isEven = hidden.every((units) => units % 4 === 0) && !(hidden.length > 0 && activation === 'softmax');
  return isEven && wideLayer(headLayers(config, 1, 1)) !== undefined;
}

/** Stacks of at most `most` jobs with the same key, largest work first; a key with several has as many for each worker. */
export function groupedStacks(
  jobs: readonly HeadJob[],
  keyOf: (job: HeadJob) => string,
  max: (job: HeadJob) => number,
  workers: number,
): HeadJob[][] {
  const groups = new Map<string, HeadJob[]>();
  for (const job of jobs) {
    const key = keyOf(job);
    const group = groups.get(key);
    if (group) group.push(job);
    else groups.set(key, [job]);
  }
  const stacks = [...groups.values()].flatMap((group) => {
    const count = Math.ceil(group.length / max(group[0]));
    return dealt(group, count === 1 ? 1 : Math.ceil(count / workers) * workers);
  });
  return largestFirst(stacks);
}

/**
 * Lanes of the stack in which so many heads train: their number, but never a product with a single row, whose sums onnxruntime
 * cuts differently. So a head's last bits do not depend on how many others train beside it.
 */
export function stackLanes({ hidden: [units] }: HeadConfig, heads: number, classes: number): number {
  return (units ?? classes) === 1 ? Math.max(2, heads) : heads;
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

/** Everything that decides the shapes of a head's parameters and its dropout masks. */
const ARCHITECTURE = [
  'hidden',
  'activation',
  'dropout',
  'batchNorm',
  'order',
  'bias',
  'se',
] as const satisfies (keyof HeadConfig)[];

/** Equal for heads that can train side by side. */
export function stackKey({ config, startAfter = 0 }: HeadJob): string {
  return JSON.stringify([startAfter, ...[...SHARED_SETTINGS, ...ARCHITECTURE].map((key) => config[key])]);
}

/** Dealt out like cards to at most `count` stacks, so that neighbours in a grid, which take about as long, are spread evenly. */
function dealt(jobs: HeadJob[], count: number): HeadJob[][] {
  return Array.from({ length: Math.min(count, jobs.length) }, (_, i) =>
    jobs.filter((_, index) => index % count === i),
  );
}

function largestFirst(stacks: readonly HeadJob[][]): HeadJob[][] {
  return stacks.toSorted((a, b) => work(b) - work(a));
}

/** A rough cost: steps count alike for all stacks, and time with the units of all hidden layers. */
function work(stack: readonly HeadJob[]): number {
  return stack.reduce((sum, { config, startAfter = 0, pauseAfter = config.epochs }) => {
    const units = config.hidden.reduce((a, b) => a + b, 0);
    return sum + (pauseAfter - startAfter) * (1 + units);
  }, 0);
}
