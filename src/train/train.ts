/** Stage two: a sweep of heads on stored features, from feature stores to a chosen head. Start reading here. */

import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import type { Reporter } from '../shared/cli/terminal.ts';
import { shownBytes } from '../shared/cli/values.ts';
import { loadEngine } from '../shared/engines/engine.ts';
import { InputError, unexpected, usage } from '../shared/errors.ts';
import type { MetricName, Metrics, Task } from '../shared/head/config.ts';
import type { HeadSource } from '../shared/head/record.ts';
import type { ManifestOptions } from '../shared/manifest/columns.ts';
import { featureFacts } from './analysis/feature-facts.ts';
import { calibrated } from './calibration/calibrate.ts';
import { pausedInMemory } from './checkpoint/paused-heads.ts';
import { type Recorder, sweepFingerprint } from './checkpoint/writer.ts';
import { type Divided, divide, imageParts } from './dataset/divide.ts';
import { readFeatures } from './dataset/features.ts';
import { encodeLabels } from './dataset/labels.ts';
import { defaultMemory, shuffledTraining, writeMatrices } from './dataset/matrix-files.ts';
import { partEvaluation, sharedTargets, sharedWeights } from './dataset/prepare.ts';
import { relabel } from './dataset/relabel.ts';
import { type SourceRequest, sourceName, splitBySource } from './dataset/sources.ts';
import type { Part, SplitRatios } from './dataset/splits.ts';
import { type FeatureTable, reorderRows } from './dataset/table.ts';
import { type Review, review } from './evaluation/diagnose-run.ts';
import { type Judgement, judge } from './evaluation/evaluate-best.ts';
import { predictAll } from './evaluation/predict-all.ts';
import { baseline } from './metrics/baseline.ts';
import { type RareLabel, rareLabels } from './metrics/rare-labels.ts';
import type { HeadRequest } from './options/head-options.ts';
import { liveView } from './results/live.ts';
import type { HeadResult } from './results/result.ts';
import { configurationsOf, jobsOf } from './search/configurations.ts';
import { rivalsOf } from './search/contenders.ts';
import { crossValidate } from './search/folds.ts';
import type { Grid } from './search/grid.ts';
import { describeRungs, rungsOf } from './search/halving.ts';
import { holdOut } from './search/hold-out.ts';
import { createStandings } from './search/leaderboard.ts';
import { askedHeads, matricesAsked, refuseHuge } from './search/requested-heads.ts';
import { trainingCurves } from './search/training-curves.ts';
import type { TrainedHead } from './sweep/head-progress.ts';
import type { NormalizationStatistics } from './sweep/normalize.ts';

export interface TrainOptions {
  /** What heads are trained on unless the grid says otherwise. */
  source: SourceRequest;
  /** Labels from a manifest instead of the stored ones. */
  labels?: { file: string; manifest: ManifestOptions };
  /** Bits in which the perceptual hashes of near copies, which stay in one part, differ at most. */
  nearDuplicates?: number;
  /** Whether an image's part follows from its content alone. */
  stableSplit?: boolean;
  task: Task | 'auto';
  /** Options that every head has unless the grid says otherwise. */
  head: Partial<HeadRequest>;
  /** Without one, a single head is trained. */
  grid?: Grid;
  /** Draws so many heads from the grid and its ranges, or from a default space, instead of training all. */
  random?: number;
  /** Seeds of each head, counted up from its own; default: 1. */
  seeds?: number;
  /** Successive halving: this share of the heads, its inverse, goes on at each rung; default: all train to their end. */
  halving?: number;
  /** Folds of cross-validation; default: none, one validation part. */
  folds?: number;
  split: SplitRatios;
  engine: string;
  workers: number;
  /** Bytes that features may take in memory; larger ones are read from disk in blocks. Default: see {@link defaultMemory}. */
  maxMemory?: number;
  /**
   * Opens the record of finished heads for a sweep with this fingerprint, which a killed sweep goes on from; default:
   * none is kept.
   */
  openRecorder?: (fingerprint: string, metric: MetricName) => Promise<Recorder>;
  /** Whether the best heads are trained once more to see how right they are on training images; default: no. */
  watchTraining?: boolean;
}

/** Heads whose training images are looked at after each epoch. */
const MOST_WATCHED = 2;

export interface Training extends Omit<Judgement, 'test'>, Review {
  task: Task;
  classes: string[];
  /** The rows in the order of `probabilities`: training, validation, test, then rows left out of all parts. */
  table: FeatureTable;
  /** What the best head takes. */
  sources: HeadSource[];
  /** Folders of the stores that those come from. */
  stores: readonly string[];
  /** [rows, classes], 0 or 1. */
  targets: Uint8Array;
  parts: (Part | null)[];
  /** One for each head that was trained. */
  runs: readonly HeadResult[];
  /** The head with the best validation value; its result has test metrics where there is a test part. */
  best: TrainedHead;
  /** What the best head's inputs are normalised with, if it standardizes. */
  statistics: NormalizationStatistics | undefined;
  /** The best head's answers, calibrated, [rows, classes]. */
  probabilities: Float32Array;
  /** Of the best heads, by id, where they are watched: metrics on some of their training images after each epoch. */
  trainingCurves: ReadonlyMap<string, Metrics[]>;
  /** Multi-label: labels that too few images have for their scores to mean much. */
  rare: RareLabel[];
  /** Always answering the majority of the training rows, on the judged images. */
  baseline: Metrics;
  engine: { name: string; version: string };
  /** Features in memory to last head evaluated. */
  seconds: number;
  /** Whether the user stopped it before all heads were trained. */
  interrupted: boolean;
}

/**
 * Trains the heads and chooses the best by the monitored validation metric; the test part is only looked at for
 * the head that was chosen.
 * @throws InputError for features or labels that cannot be trained on, UsageError for options that exclude each other,
 *   the abort reason of `signal` where no head was chosen
 */
export async function train(
  options: TrainOptions,
  { signal, reporter }: { signal: AbortSignal; reporter: Reporter },
): Promise<Training> {
  signal.throwIfAborted();
  const { sources, blocks } = splitBySource(options.grid ?? [{}], options.source);
  const { maxMemory: mostBytes = defaultMemory() } = options;
  const matrices = matricesAsked(options.head, blocks);
  const memory = { streams: false, needed: 0 };
  const table = await readFeatures(sources, reporter, (bytes) => {
    memory.needed = bytes * matrices;
    memory.streams = memory.needed > mostBytes;
    return !memory.streams;
  });
  const { labels: relabelled } = options;
  if (relabelled) await relabel(table, relabelled.file, relabelled.manifest, reporter);
  const { task, classes, targets } = encodeLabels(table.labels, options.task, table.paths);
  const configurations = configurationsOf(
    askedHeads(options, blocks, task),
    table.sets.map((set) => sourceName(set.request, set.sources)),
  );
  refuseHuge(configurations, table.sets, classes.length);
  const { split: ratios, folds = 0, nearDuplicates, stableSplit: stable } = options;
  const divided = divide(table, {
    ...{ targets, classes, task, ratios, folds, nearDuplicates, stable },
    seed: options.head.seed ?? 0,
  });
  for (const warning of divided.warnings) reporter.warn(warning);
  const { parts, rows, foldOf } = divided;
  if (memory.streams && folds > 0) throw usage('features that fit into --max-memory', '--folds', folds);
  const order = memory.streams
    ? shuffledTraining(divided.order, rows.train, options.head.seed ?? 0)
    : divided.order;
  reorderRows(table, order);
  const raw = {
    task,
    classes: classes.length,
    targets: sharedTargets(targets, classes.length, order),
    weights: trainingWeights(table, rows.train),
  };
  const rare = task === 'multilabel' ? rareLabels(raw.targets, classes, imageParts(parts, table)) : [];
  if (rare.length > 0) reporter.warn(`Scores say little of labels that few images have: ${named(rare)}`);

  const rungs = options.halving === undefined ? undefined : rungsOf(configurations, options.halving);
  if (rungs && folds > 0) throw usage('one validation part', '--halving', `--folds ${folds}`);
  const jobs = configurations.flatMap((configuration) => jobsOf(configuration));
  const heads = jobs.length * Math.max(1, folds);
  reporter.info(`${task}, ${classes.length} classes; ${partSizes(divided, folds)}; ${heads} heads`);
  if (rungs) reporter.info(describeRungs(rungs, configurations));
  // Before any worker needs it, so that a missing package is said at once.
  const engine = await loadEngine(options.engine, { threads: 1 });
  const [{ config }] = configurations;
  const epochs = jobs.reduce((sum, job) => sum + job.config.epochs, 0) * Math.max(1, folds);
  const started = performance.now();
  const standings = createStandings(configurations, config.monitor);
  const view = liveView({ metric: config.monitor, heads, epochs }, reporter);
  const fingerprint = sweepFingerprint({
    ...{
      sources: table.sets.map((set) => set.sources),
      images: createHash('sha256').update(table.hashes).digest('hex'),
      views: [...table.views],
      augment: table.augment?.kind,
      labels: table.labels,
      parts,
    },
    ...(table.weights && { weights: table.weights }),
    ...(memory.streams && { mostBytes, cores: availableParallelism() }),
    ...{ foldOf: [...foldOf], jobs, halving: options.halving, engine: [engine.name, engine.version] },
  });
  const recorder = await options.openRecorder?.(fingerprint, config.monitor);
  using files = memory.streams
    ? await writeMatrices(table, { folder: recorder?.folder, mostBytes })
    : undefined;
  if (files)
    reporter.info(
      `Features of ${shownBytes(memory.needed)} do not fit into ${shownBytes(mostBytes)}: read from disk in blocks of ${files.blockRows} rows`,
    );
  // As extracted: normalising a matrix takes its place.
  const facts = table.sets.map((set) => featureFacts(set, table.rows));
  const search = {
    ...options,
    ...{
      sets: table.sets,
      configurations,
      standings,
      view,
      signal,
      paused: recorder?.paused ?? pausedInMemory(),
    },
    ...(recorder && { recorder }),
  };
  const found = await (folds === 0
    ? holdOut(raw, rows, search, rungs)
    : crossValidate(raw, { rows, foldOf, folds, views: table.views }, search)
  ).finally(() => view.stop());
  const seconds = (performance.now() - started) / 1000;
  if (!found) {
    signal.throwIfAborted();
    recorder?.finish();
    throw new InputError(`None of the ${heads} heads could be trained: all diverged; try a smaller --lr`);
  }

  const { head, validation, line, source } = found;
  const { data, statistics } = found.prepared;
  const probabilities = await predictAll(engine, head, data, table.rows);
  const { output, normalize } = head.result.config;
  const tested = rows.test > 0 ? partEvaluation(data, probabilities, 'test') : undefined;
  const { test, ...judgement } = judge(validation, tested, output);
  const { evaluation } = judgement.judged;
  const trainTargets = raw.targets.subarray(0, rows.train * classes.length);
  const answers = calibrated(
    { probabilities, rows: table.rows, classes: classes.length, task },
    output,
    judgement.calibration,
  );
  const best = { ...head, result: { ...head.result, test, ...(line.source && { source: line.source }) } };
  const rivals = await rivalsOf(found, search);
  const reviewed = review({
    ...{ classes, table, targets: raw.targets, rows, answers, judged: judgement.judged },
    features: table.sets[source],
    facts: facts[source],
    results: standings.lines().map((one) => (one.id === line.id ? { ...one, test } : one)),
    runs: standings.runs,
    best: best.result,
    rivals,
  });
  const watched = options.watchTraining ? rivals.slice(0, MOST_WATCHED).map(({ run }) => run) : [];
  return {
    ...{ task, classes, table, parts, rare, seconds, best, ...reviewed },
    trainingCurves: await trainingCurves(found, watched, search),
    sources: table.sets[source].sources,
    stores: table.sets[source].request.features,
    targets: raw.targets,
    runs: standings.runs,
    statistics: normalize === 'standardize' ? statistics : undefined,
    ...judgement,
    probabilities: answers.probabilities,
    baseline: baseline(trainTargets, evaluation.targets, classes.length, task),
    engine: { name: engine.name, version: engine.version },
    interrupted: signal.aborted,
  };
}

/** @throws InputError when nothing would be learned from */
function trainingWeights({ weights }: FeatureTable, train: number): Float32Array | undefined {
  if (!weights) return undefined;
  if (weights.slice(0, train).every((weight) => weight === 0))
    throw unexpected('a training image that weighs more than 0', 'the sample weights', 0);
  return sharedWeights(weights);
}

function partSizes({ images: { train, val, test }, views }: Divided, folds: number): string {
  const trained = views === 0 ? `${train}` : `${train} (and ${views} views)`;
  return folds === 0
    ? `${trained} training, ${val} validation, ${test} test images`
    : `${trained} images in ${folds} folds, ${test} test images`;
}

/** Rare labels for a sentence, the first ten of them. */
function named(rare: readonly RareLabel[]): string {
  const first = rare
    .slice(0, 10)
    .map(
      ({ name, train, val, test }) =>
        `${JSON.stringify(name)} (${train} training, ${val} validation, ${test} test)`,
    );
  return rare.length > 10 ? `${first.join(', ')} and ${rare.length - 10} more` : first.join(', ');
}
