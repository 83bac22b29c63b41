/** What a sweep trains on, made from a feature table: rows split by split, normalised. */
import { NORMALIZATION_STATISTICS, type Normalization, type Task } from '../head/config.ts';
import type { Evaluation } from '../metrics/counts.ts';
import type { LabelledRows, TrainingData } from './data.ts';
import { selectTargets } from './labels.ts';
import { fitStandardization, type NormalizationStatistics, normalizeRows } from './normalize.ts';
import { blockRows, eachBlock, type FeatureRows, isInMemory } from './rows.ts';
import { sharedBytes, sharedFloats } from './shared-memory.ts';
import type { FeatureSet } from './table.ts';

/** A sweep's data and, if some head needs them, the statistics that its inputs are normalised with. */
export interface Prepared {
  data: TrainingData;
  statistics: NormalizationStatistics | undefined;
}

/** What is to be learned of a table's rows: training, validation, test, then rows of no split. */
export interface RawData {
  task: Task;
  classes: number;
  /** [table rows, classes], 0 or 1, over shared memory. */
  targets: Uint8Array;
  /** How much each row counts in training, over shared memory; undefined where all count once. */
  weights: Float32Array | undefined;
}

/** Targets in the order of the rows, over shared memory. */
export function sharedTargets(targets: Uint8Array, classes: number, order: Int32Array): Uint8Array {
  const shared = sharedBytes(order.length * classes);
  shared.set(selectTargets(targets, classes, order));
  return shared;
}

/** Weights of rows, over shared memory. */
export function sharedWeights(weights: readonly number[]): Float32Array {
  const shared = sharedFloats(weights.length);
  shared.set(weights);
  return shared;
}

/**
 * Normalises a set's own matrix: the last normalisation in place, a copy for each other one. A matrix in a file stays as
 * it is; its rows are normalised as they are read.
 */
export function prepareInPlace(
  { task, classes, targets, weights }: RawData,
  { matrix, inputs }: FeatureSet,
  rows: TrainingData['rows'],
  normalizations: ReadonlySet<Normalization>,
): Prepared {
  const requested = [...normalizations];
  const statistics = needsStatistics(normalizations) ? fitOn(matrix, inputs, rows.train) : undefined;
  const features: TrainingData['features'] = {};
  for (const [index, normalize] of requested.entries()) {
    if (!isInMemory(matrix)) {
      features[normalize] = { ...matrix, normalize, ...(statistics && { statistics }) };
      continue;
    }
    const own = index === requested.length - 1 ? matrix : sharedFloats(matrix.length);
    if (own !== matrix) own.set(matrix);
    normalizeRows(own, inputs, normalize, statistics);
    features[normalize] = own;
  }
  return {
    data: { task, inputs, classes, rows, features, targets, ...(weights && { weights }) },
    statistics,
  };
}

/**
 * Returns a function that prepares some of a set's rows in a given order; the set stays as it was extracted. The
 * memory is the same at each call: the data of the call before must no longer be in use.
 */
export function copyingPreparer(
  { task, classes, targets, weights }: RawData,
  { matrix, inputs }: FeatureSet,
  normalizations: ReadonlySet<Normalization>,
): (order: Int32Array, rows: TrainingData['rows']) => Prepared {
  if (!isInMemory(matrix)) throw new Error('Folds are copied out of a matrix in memory');
  const memory: Partial<Record<Normalization, Float32Array>> = {};
  return (order, rows) => {
    const features: TrainingData['features'] = {};
    let statistics: NormalizationStatistics | undefined;
    for (const normalize of normalizations) {
      // Folds have different numbers of rows where images have views.
      memory[normalize] ??= sharedFloats(matrix.length);
      const own = memory[normalize].subarray(0, order.length * inputs);
      for (const [to, from] of order.entries())
        own.set(matrix.subarray(from * inputs, (from + 1) * inputs), to * inputs);
      if (needsStatistics([normalize])) statistics ??= fitOn(own, inputs, rows.train);
      normalizeRows(own, inputs, normalize, statistics);
      features[normalize] = own;
    }
    const ordered = sharedTargets(targets, classes, order);
    const own = weights && { weights: sharedWeights(Array.from(order, (row) => weights[row])) };
    return { data: { task, inputs, classes, rows, features, targets: ordered, ...own }, statistics };
  };
}

function needsStatistics(normalizations: Iterable<Normalization>): boolean {
  return [...normalizations].some((one) => NORMALIZATION_STATISTICS[one].length > 0);
}

function fitOn(matrix: FeatureRows, inputs: number, trainRows: number): NormalizationStatistics {
  const size = blockRows(matrix, trainRows, 1);
  return fitStandardization(function* () {
    for (const { values } of eachBlock(matrix, inputs, { first: 0, end: trainRows, size })) yield values;
  }, inputs);
}

/** The rows of a split with their predictions. @param probabilities of all rows, [rows, classes] */
export function splitEvaluation(
  { rows, classes, targets, task }: LabelledRows,
  probabilities: Float32Array,
  split: 'val' | 'test',
): Evaluation {
  const start = split === 'val' ? rows.train : rows.train + rows.val;
  const range = [start * classes, (start + rows[split]) * classes] as const;
  return {
    probabilities: probabilities.subarray(...range),
    targets: targets.subarray(...range),
    rows: rows[split],
    classes,
    task,
  };
}
