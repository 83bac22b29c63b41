/** Images and their features in memory: what a search works on, and how its rows are put in order. */
import type { Augmentation } from '../../shared/augment/augmentation.ts';
import type { HeadSource } from '../../shared/head/record.ts';
import type { Split } from '../../shared/store/schema.ts';
import { type FeatureRows, isInMemory } from '../sweep/rows.ts';
import { type ContentHashes, pickHashes } from './content-hashes.ts';
import type { OpenedStore } from './features.ts';
import { rowsWhere } from './row-numbers.ts';
import type { SourceRequest } from './sources.ts';

/** The features that one kind of head takes: columns of a store, or of several, side by side. */
export interface FeatureSet {
  request: SourceRequest;
  sources: HeadSource[];
  /** Numbers in a row. */
  inputs: number;
  /**
   * [rows, inputs], over shared memory so that workers need no copy; or in a file, where memory is too small (see
   * matrix-files.ts). Empty until that is written.
   */
  matrix: FeatureRows;
}

/** Everything stage one knows about the images, and their features. */
export interface FeatureTable {
  rows: number;
  paths: string[];
  hashes: ContentHashes;
  labels: string[][];
  splits: (Split | null)[];
  /** 0: the image itself. */
  views: Int16Array;
  /** How views were made; null where there are none, or where nobody knows. */
  augment: Augmentation | null;
  /** Groups that the data name, null for none. */
  groups: (string | null)[];
  /** Perceptual hashes, 16 hex digits; null where not known. */
  phashes: (string | null)[];
  /** How much each row counts in training; null where the data do not say. */
  weights: number[] | null;
  /** One for each source that heads compete on, of the same rows. */
  sets: FeatureSet[];
  /** Where the features come from. */
  stores: readonly OpenedStore[];
}

/** Keeps some rows, closing the gaps. */
export function keepRows(table: FeatureTable, isKept: (row: number) => boolean): void {
  reorderRows(table, rowsWhere(table.paths.length, isKept));
}

/**
 * Puts the rows into the given order, leaving out those it does not name. Matrices are rearranged in place, one
 * row at a time, so that a large one is never held twice.
 */
export function reorderRows(table: FeatureTable, order: Int32Array): void {
  // The full permutation: the rows asked for, then the rest in any order.
  const named = new Uint8Array(table.paths.length);
  for (const row of order) named[row] = 1;
  const source = new Int32Array(table.paths.length);
  source.set(order);
  source.set(
    rowsWhere(table.paths.length, (row) => named[row] === 0),
    order.length,
  );
  for (const set of table.sets) permuteRows(set, source, order.length);
  const picked = <T>(values: readonly T[]): T[] =>
    Array.from({ length: order.length }, (_, at) => values[order[at]]);
  table.paths = picked(table.paths);
  table.hashes = pickHashes(table.hashes, order);
  table.labels = picked(table.labels);
  table.splits = picked(table.splits);
  table.groups = picked(table.groups);
  table.phashes = picked(table.phashes);
  table.weights = table.weights && picked(table.weights);
  table.views = order.length === 0 ? new Int16Array() : Int16Array.from(order, (row) => table.views[row]);
  table.rows = order.length;
}

/** Row `to` becomes what row `source[to]` was; the first `kept` rows stay. */
function permuteRows(set: FeatureSet, source: Int32Array, kept: number): void {
  const { inputs, matrix } = set;
  if (!isInMemory(matrix) || matrix.length === 0) return;
  const placed = new Uint8Array(source.length);
  const held = new Float32Array(inputs);
  for (let start = 0; start < source.length; start++) {
    if (placed[start]) continue;
    held.set(matrix.subarray(start * inputs, (start + 1) * inputs));
    let to = start;
    for (; source[to] !== start; to = source[to]) {
      matrix.copyWithin(to * inputs, source[to] * inputs, (source[to] + 1) * inputs);
      placed[to] = 1;
    }
    matrix.set(held, to * inputs);
    placed[to] = 1;
  }
  set.matrix = matrix.subarray(0, kept * inputs);
}
