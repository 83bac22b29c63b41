/** Images and their features in memory: what a search works on, and how its rows are put in order. */
import type { Augmentation } from '../augment/augmentation.ts';
import type { HeadSource } from '../head/record.ts';
import type { FeatureStore } from '../store/reader.ts';
import type { Split } from '../store/schema.ts';
import { type ContentHashes, pickHashes } from './content-hashes.ts';
import { rowsWhere } from './row-numbers.ts';
import { type FeatureRows, isInMemory } from './rows.ts';
import type { SourceRequest } from './source-options.ts';

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

/** Which columns of a store are used, and where their numbers go. */
export interface StoreUse {
  /** The place of the set in the table's list. */
  set: number;
  source: HeadSource;
  /** Of the columns in a row of the set. */
  offset: number;
}

/** A store, and what its columns are used for. */
export interface OpenedStore {
  store: FeatureStore;
  uses: StoreUse[];
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
  /** Bytes of all matrices together, as they were read or would have been. */
  matrixBytes: number;
  /** Where the features come from. */
  stores: readonly OpenedStore[];
}

/** The table with some of its rows, closing the gaps; see {@link reorderRows}. */
export function keepRows(table: FeatureTable, isKept: (row: number) => boolean): FeatureTable {
  return reorderRows(table, rowsWhere(table.paths.length, isKept));
}

/**
 * The table with its rows in the given order, without those that it does not name. The result takes over the memory of
 * the matrices, which are rearranged one row at a time, so that a large one is never there twice: `table` must not be
 * used afterwards.
 */
export function reorderRows(table: FeatureTable, order: Int32Array): FeatureTable {
  // The full permutation: the requested rows, then the rest in any order.
  const named = new Uint8Array(table.paths.length);
  for (const row of order) named[row] = 1;
  const source = new Int32Array(table.paths.length);
  source.set(order);
  source.set(
    rowsWhere(table.paths.length, (row) => named[row] === 0),
    order.length,
  );
  const picked = <T>(values: readonly T[]): T[] => Array.from(order, (row) => values[row]);
  return {
    ...table,
    rows: order.length,
    paths: picked(table.paths),
    hashes: pickHashes(table.hashes, order),
    labels: picked(table.labels),
    splits: picked(table.splits),
    groups: picked(table.groups),
    phashes: picked(table.phashes),
    weights: table.weights && picked(table.weights),
    views: order.length === 0 ? new Int16Array() : Int16Array.from(order, (row) => table.views[row]),
    sets: table.sets.map((set) => ({ ...set, matrix: permuted(set, source, order.length) })),
  };
}

/** The set's matrix, in whose row `to` is what was in row `source[to]`; only the first `kept` rows are left. */
function permuted({ inputs, matrix }: FeatureSet, source: Int32Array, kept: number): FeatureRows {
  if (!isInMemory(matrix) || matrix.length === 0) return matrix;
  const placed = new Uint8Array(source.length);
  const displaced = new Float32Array(inputs);
  for (let start = 0; start < source.length; start++) {
    if (placed[start]) continue;
    displaced.set(matrix.subarray(start * inputs, (start + 1) * inputs));
    let to = start;
    for (; source[to] !== start; to = source[to]) {
      matrix.copyWithin(to * inputs, source[to] * inputs, (source[to] + 1) * inputs);
      placed[to] = 1;
    }
    matrix.set(displaced, to * inputs);
    placed[to] = 1;
  }
  return matrix.subarray(0, kept * inputs);
}
