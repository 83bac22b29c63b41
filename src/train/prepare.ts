/** What a sweep trains on, made from a feature table: rows part by part, normalised. */
import type { Normalization, Task } from '../shared/head/config.ts';
import type { FeatureTable } from './features.ts';
import { selectTargets } from './labels.ts';
import type { Evaluation } from './metrics/counts.ts';
import type { Part } from './splits.ts';
import type { SweepData } from './sweep/data.ts';
import { fitStandardization, type NormalizationStatistics, normalizeRows } from './sweep/normalize.ts';

/** A sweep's data and, if some head standardizes, what its inputs are standardized with. */
export interface Prepared {
  data: SweepData;
  statistics: NormalizationStatistics | undefined;
}

/** Rows of a table, still as they were extracted: training, validation, test, then rows of no part. */
export interface RawData {
  task: Task;
  classes: number;
  table: FeatureTable;
  /** [table rows, classes], 0 or 1, over shared memory. */
  targets: Uint8Array;
}

/** All rows, part by part, and the part of each; rows that belong to none come last. */
export function partOrder(
  rows: number,
  split: Readonly<Record<Part, Int32Array>>,
): { order: Int32Array; parts: (Part | null)[] } {
  const used = new Set([...split.train, ...split.val, ...split.test]);
  const leftOut = Array.from({ length: rows }, (_, row) => row).filter((row) => !used.has(row));
  const named = (part: Part): Part[] => Array.from(split[part], () => part);
  return {
    order: Int32Array.from([...split.train, ...split.val, ...split.test, ...leftOut]),
    parts: [...named('train'), ...named('val'), ...named('test'), ...leftOut.map(() => null)],
  };
}

/** Targets in the order of the rows, over shared memory. */
export function sharedTargets(targets: Uint8Array, classes: number, order: Int32Array): Uint8Array {
  const shared = new Uint8Array(new SharedArrayBuffer(order.length * classes));
  shared.set(selectTargets(targets, classes, order));
  return shared;
}

/** Normalises a table's own matrix: the last normalisation in place, a copy for each other one. */
export function prepareInPlace(
  { task, classes, table, targets }: RawData,
  rows: SweepData['rows'],
  normalizations: ReadonlySet<Normalization>,
): Prepared {
  const { matrix, inputs } = table;
  const asked = [...normalizations];
  const statistics = statisticsOf(matrix, inputs, rows.train, normalizations);
  const features: SweepData['features'] = {};
  for (const [at, normalize] of asked.entries()) {
    const own = at === asked.length - 1 ? matrix : sharedFloats(matrix.length);
    if (own !== matrix) own.set(matrix);
    normalizeRows(own, inputs, normalize, statistics);
    features[normalize] = own;
  }
  return { data: { task, inputs, classes, rows, features, targets }, statistics };
}

/**
 * Returns a function that prepares some of a table's rows in a given order; the table stays as it was extracted. The
 * memory is the same at each call: the data of the call before must no longer be in use.
 */
export function copyingPreparer(
  { task, classes, table, targets }: RawData,
  normalizations: ReadonlySet<Normalization>,
): (order: Int32Array, rows: SweepData['rows']) => Prepared {
  const { matrix, inputs } = table;
  const features: SweepData['features'] = {};
  return (order, rows) => {
    let statistics: NormalizationStatistics | undefined;
    for (const normalize of normalizations) {
      features[normalize] ??= sharedFloats(order.length * inputs);
      const own = features[normalize];
      for (const [to, from] of order.entries())
        own.set(matrix.subarray(from * inputs, (from + 1) * inputs), to * inputs);
      if (normalize === 'standardize') statistics = fitStandardization(own, inputs, rows.train);
      normalizeRows(own, inputs, normalize, statistics);
    }
    const ordered = sharedTargets(targets, classes, order);
    return { data: { task, inputs, classes, rows, features, targets: ordered }, statistics };
  };
}

function statisticsOf(
  matrix: Float32Array,
  inputs: number,
  trainRows: number,
  normalizations: ReadonlySet<Normalization>,
): NormalizationStatistics | undefined {
  return normalizations.has('standardize') ? fitStandardization(matrix, inputs, trainRows) : undefined;
}

function sharedFloats(length: number): Float32Array {
  return new Float32Array(new SharedArrayBuffer(length * Float32Array.BYTES_PER_ELEMENT));
}

/** The rows of a part with the answers given for them. @param probabilities of all rows, [rows, classes] */
export function partEvaluation(
  { rows, classes, targets, task }: SweepData,
  probabilities: Float32Array,
  part: 'val' | 'test',
): Evaluation {
  const start = part === 'val' ? rows.train : rows.train + rows.val;
  const range = [start * classes, (start + rows[part]) * classes] as const;
  return {
    probabilities: probabilities.subarray(...range),
    targets: targets.subarray(...range),
    ...{ rows: rows[part], classes, task },
  };
}
