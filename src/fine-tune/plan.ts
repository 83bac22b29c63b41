/** What is to be trained, and on what. */
import type { Augmentation } from '../shared/augment/augmentation.ts';
import { sweepFingerprint } from '../shared/checkpoint/fingerprint.ts';
import { loadEngine } from '../shared/engines/engine.ts';
import type { Engine } from '../shared/engines/interface.ts';
import type { MetricName } from '../shared/head/config.ts';
import { counted } from '../shared/plural.ts';
import type { Reporter } from '../shared/reporter.ts';
import { type Configuration, configurationsOf, jobsOf, withSeeds } from '../shared/search/configurations.ts';
import { ACTIVATION_BYTES } from '../shared/store/activations/request.ts';
import { openCaches, splitRows, withoutMissing } from './activations.ts';
import { AUTO, chooseCut } from './auto-cut.ts';
import { type Cuts, openCuts } from './cuts.ts';
import { readViews } from './options.ts';
import { requestedTunings, type TunedConfig } from './search/configurations.ts';
import { predictStart } from './start/evaluate.ts';
import { type DividedStart, divideStart, openStart } from './start/open.ts';
import { type TailRequest, threadsOf } from './tail/workers.ts';
import type { TuneOptions } from './tune-options.ts';

export interface TuningPlan {
  start: DividedStart;
  /** What the head predicts before it is trained on, [rows, classes]. */
  startProbabilities: Float32Array;
  cuts: Cuts;
  configurations: Configuration[];
  /** What the trainings of each network share, by its place. */
  requests: TailRequest[];
  /** Row of the activations of each image, by the network's place. */
  imageRows: Int32Array[];
  augment: Augmentation | undefined;
  /** The metric that ranks. */
  monitor: MetricName;
  /** Bytes of all activations on disk. */
  cacheBytes: number;
  engine: Engine;
  /** The same fingerprint, the same numbers. */
  fingerprint: string;
}

interface Context {
  signal: AbortSignal;
  reporter: Reporter;
}

/**
 * Opens the head, cuts its backbone and makes sure that all activations are cached.
 * @throws InputError for a head, a store or photos that cannot be read, UsageError for what cannot be trained, the abort reason of
 *   `signal`
 */
export async function planTuning(options: TuneOptions, { signal, reporter }: Context): Promise<TuningPlan> {
  signal.throwIfAborted();
  const opened = await openStart(options, reporter);
  const { record } = opened.head;
  const augment = options.views === undefined ? record.augment : readViews(options.views);
  const trainingImages = opened.table.splits.filter((split) => split === 'train').length;
  const written = requestedTunings({ config: record.config, task: record.task, trainingImages }, options);
  const requested = await withChosenCut(written, async ({ epochs }) => {
    const trained = trainingImages * (1 + (augment?.views ?? 0));
    const cached = opened.table.rows - trainingImages + trained;
    const { dtype, maxBytes } = options.activations;
    const costs = { rows: { cached, trained }, epochs, workers: options.workers, maxBytes };
    return chooseCut(opened, { ...costs, bytesPerNumber: ACTIVATION_BYTES[dtype] }, reporter);
  });
  const cuts = await openCuts(opened, requested, { weights: options.weights, reporter });
  const candidates = cuts.configs.map((config, index) => ({ config, source: cuts.networkOf[index] }));
  const configurations = configurationsOf(withSeeds(candidates, options.seeds));
  const caches = await openCaches(
    opened,
    cuts,
    { ...options.activations, augment, engine: options.engine },
    { signal, reporter },
  );
  const start = divideStart(withoutMissing(opened, caches.values()), reporter);
  const { raw, division } = start.dataset;
  const rows = cuts.networks.map(({ from }) =>
    splitRows(start.dataset, caches.get(from)!.request, augment?.views ?? 0),
  );
  const jobs = configurations.flatMap((configuration) => jobsOf(configuration));
  const threads = threadsOf(jobs.length, options.workers);
  const requests = cuts.networks.map(
    ({ from, network }, index): TailRequest => ({
      network,
      start: opened.head,
      engine: options.engine,
      workers: options.workers,
      threads,
      data: { ...raw, rows: rows[index], activations: caches.get(from)!.request },
    }),
  );
  const { train, val, test } = division.images;
  reporter.info(
    `${record.task}, ${counted(record.classes.length, 'class', 'classes')}; ${counted(train, 'training image')}${augment ? ` with ${counted(augment.views, 'view')} each` : ''}, ${val} validation, ${counted(test, 'test image')}; ${counted(jobs.length, 'training')}`,
  );
  const engine = await loadEngine(options.engine, { threads: 1 });
  return {
    start,
    startProbabilities: await predictStart(start, engine),
    cuts,
    configurations,
    requests,
    imageRows: rows.map(({ all }) => all),
    augment,
    monitor: configurations[0].config.monitor,
    cacheBytes: [...caches.values()].reduce((sum, { bytes }) => sum + bytes, 0),
    engine,
    fingerprint: fingerprintOf(start, {
      jobs,
      augment,
      cuts,
      dtype: options.activations.dtype,
      engine,
      threads,
    }),
  };
}

/** The trainings with a layer in the place of `auto`, which is chosen once. */
async function withChosenCut(
  configs: readonly TunedConfig[],
  choose: (first: TunedConfig) => Promise<string>,
): Promise<readonly TunedConfig[]> {
  const first = configs.find(({ tail }) => tail.from === AUTO);
  if (!first) return configs;
  const from = await choose(first);
  return configs.map((config) =>
    config.tail.from === AUTO ? { ...config, tail: { ...config.tail, from } } : config,
  );
}

function fingerprintOf(
  { head, dataset: { table, division } }: DividedStart,
  {
    jobs,
    augment,
    cuts,
    dtype,
    engine,
    threads,
  }: {
    jobs: unknown;
    augment: Augmentation | undefined;
    cuts: Cuts;
    dtype: string;
    engine: Engine;
    threads: number;
  },
): string {
  const { sources, tensors } = head.record;
  return sweepFingerprint({
    start: { sources, tensors, config: head.record.config },
    images: table.hashes.toString('hex'),
    labels: table.labels,
    splits: division.splits,
    ...(table.weights && { weights: table.weights }),
    augment,
    cuts: cuts.networks.map(({ from, batchNorm }) => [from, batchNorm]),
    dtype,
    jobs,
    engine: [engine.name, engine.version],
    threads,
  });
}
