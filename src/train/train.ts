/** Stage two: a sweep of heads on stored features, from feature stores to a chosen head. Start reading here. */

import type { Reporter } from '../shared/cli/terminal.ts';
import { loadEngine } from '../shared/engines/engine.ts';
import { InputError } from '../shared/errors.ts';
import type { HeadConfig, Metrics, Normalization, Task } from '../shared/head/config.ts';
import { calibrated } from './calibration/calibrate.ts';
import { type FeatureTable, readFeatures, reorderRows } from './features.ts';
import { expandGrid, type Grid } from './grid.ts';
import { type JudgedPart, type Judgement, judge } from './judge.ts';
import { encodeLabels, selectTargets } from './labels.ts';
import { liveView } from './live.ts';
import { baseline } from './metrics/baseline.ts';
import type { Evaluation } from './metrics/counts.ts';
import { type RareLabel, rareLabels } from './metrics/rare-labels.ts';
import type { HeadRequest } from './options.ts';
import { predictAll } from './predict-all.ts';
import { resolveConfig } from './resolve.ts';
import { type HeadResult, rankResults } from './results/result.ts';
import { type Part, type SplitRatios, splitRows } from './splits.ts';
import type { SweepData } from './sweep/data.ts';
import { fitStandardization, type NormalizationStatistics, normalizeRows } from './sweep/normalize.ts';
import { sweep } from './sweep/sweep.ts';
import type { TrainedHead } from './sweep/train-stack.ts';

export interface TrainOptions {
  /** Feature stores; several are joined by image. */
  features: readonly string[];
  /** Columns of the stores to use; default: avg. */
  columns?: readonly string[];
  task: Task | 'auto';
  /** Options that every head has unless the grid says otherwise. */
  head: Partial<HeadRequest>;
  /** Without one, a single head is trained. */
  grid?: Grid;
  split: SplitRatios;
  engine: string;
  workers: number;
}

export interface Training extends Omit<Judgement, 'test'> {
  task: Task;
  classes: string[];
  /** The rows in the order of `probabilities`: training, validation, test, then rows left out of all parts. */
  table: FeatureTable;
  parts: (Part | null)[];
  results: HeadResult[];
  /** The head with the best validation value; its result has test metrics where there is a test part. */
  best: TrainedHead;
  /** What the best head's inputs are normalised with, if it standardizes. */
  statistics: NormalizationStatistics | undefined;
  /** The best head's answers, calibrated, [rows, classes]. */
  probabilities: Float32Array;
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
 * @throws InputError for features or labels that cannot be trained on, UsageError for options that exclude each other
 */
export async function train(
  options: TrainOptions,
  { signal, reporter }: { signal: AbortSignal; reporter: Reporter },
): Promise<Training> {
  const table = await readFeatures(options.features, options.columns, reporter);
  const { task, classes, targets: storeTargets } = encodeLabels(table.labels, options.task, table.paths);
  const configs = options.grid
    ? expandGrid(options.head, options.grid, task)
    : [resolveConfig(options.head, task)];
  const split = splitRows({
    targets: storeTargets,
    rows: table.rows,
    classes,
    task,
    groups: table.hashes,
    fixed: table.splits,
    ratios: options.split,
    seed: options.head.seed ?? 0,
  });
  for (const warning of split.warnings) reporter.warn(warning);

  const { order, parts } = partOrder(table.rows, split);
  reorderRows(table, order);
  const targets = new Uint8Array(new SharedArrayBuffer(table.rows * classes.length));
  targets.set(selectTargets(storeTargets, classes.length, order));
  const { features, statistics } = normalizedFeatures(table, configs, split.train.length);
  const data: SweepData = {
    task,
    inputs: table.inputs,
    classes: classes.length,
    rows: { train: split.train.length, val: split.val.length, test: split.test.length },
    features,
    targets,
  };
  reporter.info(
    `${task}, ${classes.length} classes; ${data.rows.train} training, ${data.rows.val} validation, ${data.rows.test} test images; ${configs.length} heads`,
  );

  const [{ monitor }] = configs;
  const started = performance.now();
  const finished: TrainedHead[] = [];
  let best: TrainedHead | undefined;
  const view = liveView(
    { metric: monitor, heads: configs.length, epochs: configs.reduce((sum, { epochs }) => sum + epochs, 0) },
    reporter,
  );
  const jobs = configs.map((config, at) => ({ id: String(at + 1), config }));
  try {
    await sweep(jobs, {
      data,
      engine: options.engine,
      workers: options.workers,
      signal,
      onEpoch: (heads) => view.epochs(heads),
      onFinished(trained) {
        finished.push(trained);
        const { result } = trained;
        view.finished(result, result.config.epochs - result.epochs);
        const [leader] = rankResults(best ? [best.result, result] : [result], monitor);
        // Only the leader's parameters are kept: a sweep of thousands of heads must fit in memory.
        if (leader === result) best = trained;
        else trained.parameters = new Float32Array(0);
      },
    });
  } finally {
    view.stop();
  }
  const seconds = (performance.now() - started) / 1000;
  if (!best || best.result.bestEpoch === 0) {
    signal.throwIfAborted();
    throw new InputError(
      `None of the ${configs.length} heads could be trained: all diverged; try a smaller --lr`,
    );
  }

  const chosen = best;
  const engine = await loadEngine(options.engine, { threads: 1 });
  const probabilities = await predictAll(engine, chosen, data, table.rows);
  const { output, normalize } = chosen.result.config;
  const { test, ...judgement } = judge(
    partEvaluation(data, probabilities, 'val'),
    data.rows.test > 0 ? partEvaluation(data, probabilities, 'test') : undefined,
    output,
  );
  chosen.result.test = test;
  const rare = task === 'multilabel' ? rareLabels(targets, classes, parts) : [];
  if (rare.length > 0) reporter.warn(`Scores say little of labels that few images have: ${named(rare)}`);
  const trainTargets = targets.subarray(0, data.rows.train * classes.length);
  return {
    task,
    classes,
    table,
    parts,
    results: finished.map(({ result }) => result),
    best: chosen,
    statistics: normalize === 'standardize' ? statistics : undefined,
    ...judgement,
    probabilities: calibrated(
      { probabilities, rows: table.rows, classes: classes.length, task },
      output,
      judgement.calibration,
    ).probabilities,
    rare,
    baseline: baseline(trainTargets, judgement.judged.evaluation.targets, classes.length, task),
    engine: { name: engine.name, version: engine.version },
    seconds,
    interrupted: signal.aborted,
  };
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

/** The rows of a part with the answers given for them. */
function partEvaluation(
  { rows, classes, targets, task }: SweepData,
  probabilities: Float32Array,
  part: JudgedPart,
): Evaluation {
  const start = part === 'val' ? rows.train : rows.train + rows.val;
  const range = [start * classes, (start + rows[part]) * classes] as const;
  return {
    probabilities: probabilities.subarray(...range),
    targets: targets.subarray(...range),
    rows: rows[part],
    classes,
    task,
  };
}

/** All rows, part by part, and the part of each; rows that belong to none come last. */
function partOrder(
  rows: number,
  split: Record<Part, Int32Array>,
): { order: Int32Array; parts: (Part | null)[] } {
  const used = new Set([...split.train, ...split.val, ...split.test]);
  const leftOut = Array.from({ length: rows }, (_, row) => row).filter((row) => !used.has(row));
  const named = (part: Part): Part[] => Array.from(split[part], () => part);
  return {
    order: Int32Array.from([...split.train, ...split.val, ...split.test, ...leftOut]),
    parts: [...named('train'), ...named('val'), ...named('test'), ...leftOut.map(() => null)],
  };
}

/** The matrix for each normalisation that some head asks for; the last one is made in place. */
function normalizedFeatures(
  { matrix, inputs }: FeatureTable,
  configs: readonly HeadConfig[],
  trainRows: number,
): { features: SweepData['features']; statistics: NormalizationStatistics | undefined } {
  const asked = [...new Set(configs.map(({ normalize }) => normalize))];
  const statistics = asked.includes('standardize')
    ? fitStandardization(matrix, inputs, trainRows)
    : undefined;
  const features: SweepData['features'] = {};
  for (const [at, normalize] of asked.entries()) {
    features[normalize] = at === asked.length - 1 ? matrix : sharedCopy(matrix);
    normalizeRows(features[normalize] ?? matrix, inputs, normalize satisfies Normalization, statistics);
  }
  return { features, statistics };
}

function sharedCopy(matrix: Float32Array): Float32Array {
  const copy = new Float32Array(new SharedArrayBuffer(matrix.byteLength));
  copy.set(matrix);
  return copy;
}
