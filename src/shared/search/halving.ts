/** Successive halving on epochs: all heads train a little, the better share of them goes on, and so again. */

import { usage } from '../errors.ts';
import type { HeadConfig, MetricName } from '../head/config.ts';
import { compareMetric } from '../metrics/compare.ts';
import { counted } from '../plural.ts';
import { type HeadResult, rankResults } from '../training/result.ts';
import { type Competition, joinFinished, type TrainJobs } from './competition.ts';
import { type Configuration, type HeadJob, jobsOf, summariseRuns } from './configurations.ts';

/**
 * How many heads train up to which epoch, rung by rung (Jamieson and Talwalkar 2016): the last rung is whole, each one
 * before it has `factor` times as many heads and a `factor`-th of the epochs, as long as there are so many of both.
 */
export interface Rung {
  configurations: number;
  /** The epoch after which a head is compared with others. */
  until(config: HeadConfig): number;
}

/**
 * The rungs for some configurations.
 * @throws UsageError when there is nothing to halve
 */
export function rungsOf(configurations: readonly Configuration[], factor: number): Rung[] {
  const epochs = Math.max(...configurations.map(({ config }) => config.epochs));
  const { length } = configurations;
  if (length < factor) throw usage(`at least ${factor} different heads`, '--halving', length);
  if (epochs < factor) throw usage(`at least ${factor} epochs`, '--halving', epochs);
  if (configurations.some(({ config }) => config.optimizer === 'lbfgs'))
    throw usage('an optimizer that trains epoch by epoch', '--halving', 'lbfgs');
  const rungs: Rung[] = [];
  for (let share = 1; share <= Math.min(length, epochs); share *= factor) {
    rungs.unshift({ configurations: 0, until: (config) => Math.ceil(config.epochs / share) });
  }
  let left = length;
  for (const rung of rungs) {
    rung.configurations = left;
    left = Math.ceil(left / factor);
  }
  return rungs;
}

/** `Halving: 16 heads to epoch 12, 6 to 34, 2 to 100`; epochs are those of the longest head. */
export function describeRungs(rungs: readonly Rung[], configurations: readonly Configuration[]): string {
  const steps = rungs.map(({ configurations: count, until }, index) => {
    const epoch = Math.max(...configurations.map(({ config }) => until(config)));
    return index === 0 ? `${counted(count, 'head')} to epoch ${epoch}` : `${count} to ${epoch}`;
  });
  return `Halving: ${steps.join(', ')}`;
}

/** Trains the heads rung by rung; those that are dropped join the standings as they were then. */
export async function halve(search: Competition, rungs: readonly Rung[], train: TrainJobs): Promise<void> {
  const { paused, signal } = search;
  const [{ config: first }] = search.configurations;
  const ended = joinFinished(
    search.configurations.flatMap((configuration) => jobsOf(configuration)),
    search,
  );
  for (const [id, { epochs }] of paused.results) if (!ended.has(id)) search.view.epochs(epochs);

  let running = search.configurations;
  for (const [index, rung] of rungs.entries()) {
    const keep = rungs[index + 1]?.configurations ?? running.length;
    const rule = createHalvingRule(running, { rung, keep, metric: first.monitor, ended, search });
    await train(jobsOn(running, rung, index + 1 === rungs.length, { ended, search }), {
      onEnded: (result) => {
        ended.set(result.id, result);
        // A stopped head goes on from its last pause when the command is given again.
        if (result.status === 'stopped') return;
        paused.remove(result.id);
        rule.reached(result.id);
      },
      onPaused: (head) => {
        paused.put(head);
        rule.reached(head.trained.result.id);
      },
    });
    if (signal.aborted) return showPaused(search, ended);
    running = rule.kept();
  }
}

/** The heads that have not come to the end of the rung yet. */
function jobsOn(
  running: readonly Configuration[],
  rung: Rung,
  isLast: boolean,
  { ended, search: { paused } }: { ended: ReadonlyMap<string, HeadResult>; search: Competition },
): HeadJob[] {
  return running
    .flatMap((configuration) => jobsOf(configuration))
    .filter(({ id }) => !ended.has(id))
    .map((job): HeadJob => {
      const startAfter = paused.results.get(job.id)?.epochs ?? 0;
      return { ...job, startAfter, ...(!isLast && { pauseAfter: rung.until(job.config) }) };
    })
    .filter(({ startAfter = 0, pauseAfter = Number.POSITIVE_INFINITY }) => startAfter < pauseAfter);
}

interface HalvingRule {
  /** A head has come to the end of the rung, or has ended before. */
  reached(id: string): void;
  /** Who goes on, when all have come to its end. */
  kept(): Configuration[];
}

/**
 * Drops configurations as soon as enough others are better, so that few paused heads wait at a time; in the end the
 * same ones are left whatever the order in which heads arrive.
 */
function createHalvingRule(
  running: readonly Configuration[],
  {
    rung,
    keep,
    metric,
    ended,
    search,
  }: {
    rung: Rung;
    keep: number;
    metric: MetricName;
    ended: Map<string, HeadResult>;
    search: Competition;
  },
): HalvingRule {
  const { paused, checkpoint, leaderboard, view } = search;
  const byId = new Map(running.map((configuration) => [configuration.id, configuration]));
  const waitsFor = new Map<string, Set<string>>();
  const ownerOf = new Map<string, Configuration>();
  for (const configuration of running) {
    const ids = jobsOf(configuration).map(({ id }) => id);
    waitsFor.set(configuration.id, new Set(ids));
    for (const id of ids) ownerOf.set(id, configuration);
  }
  let best: HeadResult[] = [];

  const drop = (configuration: Configuration) => {
    for (const { id, config } of jobsOf(configuration)) {
      if (ended.has(id)) continue;
      const { trained } = paused.get(id);
      const dropped = { ...trained, result: { ...trained.result, status: 'dropped' as const } };
      checkpoint?.record(dropped);
      ended.set(id, dropped.result);
      paused.remove(id);
      view.finished(leaderboard.add(dropped), config.epochs - dropped.result.epochs);
    }
  };
  const reached = (id: string) => {
    const configuration = ownerOf.get(id);
    if (!configuration) return;
    const missing = waitsFor.get(configuration.id);
    if (!missing?.delete(id) || missing.size > 0) return;
    const runs = jobsOf(configuration).flatMap((job) => {
      const result = ended.get(job.id) ?? paused.results.get(job.id);
      return result ? [resultAfter(result, rung.until(job.config), metric)] : [];
    });
    best = rankResults([...best, summariseRuns(configuration, runs)], metric);
    for (const { id: dropped } of best.splice(keep)) drop(byId.get(dropped) ?? configuration);
  };
  // Of an earlier run, some are there already.
  for (const [id, configuration] of ownerOf) {
    const until = rung.until(configuration.config);
    if (ended.has(id) || (paused.results.get(id)?.epochs ?? 0) >= until) reached(id);
  }
  return {
    reached,
    kept: () => running.filter(({ id }) => best.some((line) => line.id === id)),
  };
}

/** What a head's result was after so many epochs, as far as ranking needs it. */
export function resultAfter(result: HeadResult, epochs: number, metric: MetricName): HeadResult {
  if (result.epochs <= epochs) return result;
  const history = result.history.filter(({ epoch }) => epoch <= epochs);
  const best = history.reduce((found, one) =>
    compareMetric(metric, one.val[metric], found.val[metric]) < 0 ? one : found,
  );
  return { ...result, status: 'done', epochs, bestEpoch: best.epoch, val: best.val, history };
}

/** An interrupted search shows what its paused heads had. */
function showPaused(
  { paused, leaderboard, view }: Competition,
  ended: ReadonlyMap<string, HeadResult>,
): void {
  for (const id of [...paused.results.keys()].filter((one) => !ended.has(one))) {
    const { trained } = paused.get(id);
    view.finished(leaderboard.add({ ...trained, result: { ...trained.result, status: 'stopped' } }), 0);
  }
}
