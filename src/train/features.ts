/** Reads feature stores into one matrix: rows of one store, or of several joined by image. */

import { didYouMean } from '../shared/cli/suggest.ts';
import type { Reporter } from '../shared/cli/terminal.ts';
import { InputError, UsageError } from '../shared/errors.ts';
import type { HeadSource } from '../shared/head/record.ts';
import { type FeatureStore, openStore, type StorePart } from '../shared/store/reader.ts';
import type { Split } from '../shared/store/schema.ts';

/** Everything stage one knows about the images, and their features. */
export interface FeatureTable {
  rows: number;
  /** Numbers in a row: the columns of all stores side by side. */
  inputs: number;
  /** [rows, inputs], over shared memory so that workers need no copy. */
  matrix: Float32Array;
  paths: string[];
  /** SHA-256 of each image file, in hex. */
  hashes: string[];
  labels: string[][];
  splits: (Split | null)[];
  views: Int16Array;
  /** Groups that the data name, null for none. */
  groups: (string | null)[];
  /** Perceptual hashes, 16 hex digits; null where not known. */
  phashes: (string | null)[];
  sources: HeadSource[];
}

/** The column used when none is named, if the store has it. */
const DEFAULT_COLUMN = 'avg';

/**
 * Reads one or several stores. Several are joined by image content: a row has the features of all of them, and an
 * image that some store lacks is left out with a warning.
 * @param columns columns to use from every store; default: avg, or the store's only column
 * @throws InputError for a damaged store or features that are not finite, UsageError for an unknown column
 */
export async function readFeatures(
  dirs: readonly string[],
  columns: readonly string[] | undefined,
  reporter: Reporter,
): Promise<FeatureTable> {
  const stores: { store: FeatureStore; source: HeadSource }[] = [];
  for (const dir of dirs) {
    const store = await openStore(dir);
    if (!store.manifest.complete)
      reporter.warn(`${dir} is not complete: extract was interrupted; run it again for all images`);
    stores.push({ store, source: sourceOf(store, columns) });
  }
  const [{ store: first }] = stores;
  const inputs = stores.reduce((sum, { source }) => sum + source.dimension, 0);
  const table: FeatureTable = {
    rows: first.rows,
    inputs,
    matrix: new Float32Array(new SharedArrayBuffer(first.rows * inputs * Float32Array.BYTES_PER_ELEMENT)),
    paths: [],
    hashes: [],
    labels: [],
    splits: [],
    groups: [],
    phashes: [],
    views: new Int16Array(first.rows),
    sources: stores.map(({ source }) => source),
  };
  let offset = 0;
  for (const [at, { store, source }] of stores.entries()) {
    const missing =
      at === 0 ? await fillFirst(table, store, source) : await fillNext(table, store, source, offset);
    if (missing.size > 0) {
      if (missing.size === table.rows)
        throw new InputError(
          `Expected the same images in all feature stores but ${store.dir} has none of ${dirs[0]}`,
        );
      reporter.warn(`${missing.size} of ${table.rows} images are not in ${store.dir} and are left out`);
      keepRows(table, (row) => !missing.has(row));
    }
    offset += source.dimension;
  }
  return table;
}

function sourceOf(
  { dir, manifest, columns: available }: FeatureStore,
  wanted: readonly string[] | undefined,
): HeadSource {
  const names = available.map(({ name }) => name);
  const fallback = names.includes(DEFAULT_COLUMN) ? DEFAULT_COLUMN : names[0];
  const columns = [...(wanted ?? [fallback])];
  const dimension = columns.reduce((sum, name) => {
    const column = available.find((candidate) => candidate.name === name);
    if (column) return sum + column.dimension;
    throw new UsageError(
      `Expected one of ${names.join(', ')} for --pooling (the columns of ${dir}) but received "${name}"${didYouMean(name, names)}`,
    );
  }, 0);
  return { pipeline: manifest.pipeline, columns, dimension };
}

/** Copies a part's row into the matrix at `offset` of row `to`. */
function copyRow(
  table: FeatureTable,
  part: StorePart,
  { columns }: HeadSource,
  from: number,
  to: number,
  offset: number,
): void {
  let at = to * table.inputs + offset;
  for (const name of columns) {
    const column = part.features.get(name);
    if (!column) throw new Error(`A part has no column ${name}`);
    const dimension = column.length / part.rows;
    const row = column.subarray(from * dimension, (from + 1) * dimension);
    if (!row.every(Number.isFinite)) {
      throw new InputError(
        `Expected finite features but ${name} of ${part.paths[from]} in ${part.entry.file} has NaN or infinity`,
      );
    }
    table.matrix.set(row, at);
    at += dimension;
  }
}

async function fillFirst(table: FeatureTable, store: FeatureStore, source: HeadSource): Promise<Set<number>> {
  for await (const part of store.parts()) {
    for (let from = 0; from < part.rows; from++) {
      const to = table.paths.length;
      copyRow(table, part, source, from, to, 0);
      table.views[to] = part.views[from];
      table.paths.push(part.paths[from]);
      table.hashes.push(part.sha256[from]);
      table.labels.push(part.labels[from]);
      table.splits.push(part.splits[from]);
      table.groups.push(part.groups[from]);
      table.phashes.push(part.phashes[from]);
    }
  }
  return new Set();
}

/** Fills in another store's features by image; returns the rows for which it has none. */
async function fillNext(
  table: FeatureTable,
  store: FeatureStore,
  source: HeadSource,
  offset: number,
): Promise<Set<number>> {
  const rowsOf = new Map<string, number[]>();
  for (const [row, hash] of table.hashes.entries()) {
    const key = `${hash} ${table.views[row]}`;
    rowsOf.set(key, [...(rowsOf.get(key) ?? []), row]);
  }
  const missing = new Set(table.hashes.keys());
  for await (const part of store.parts()) {
    for (let from = 0; from < part.rows; from++) {
      for (const to of rowsOf.get(`${part.sha256[from]} ${part.views[from]}`) ?? []) {
        copyRow(table, part, source, from, to, offset);
        missing.delete(to);
      }
    }
  }
  return missing;
}

/** Keeps some rows, closing the gaps. */
export function keepRows(table: FeatureTable, isKept: (row: number) => boolean): void {
  reorderRows(table, Int32Array.from(table.paths.keys()).filter(isKept));
}

/**
 * Puts the rows into the given order, leaving out those it does not name. The matrix is rearranged in place, one
 * row at a time, so that a large one is never held twice.
 */
export function reorderRows(table: FeatureTable, order: Int32Array): void {
  const { inputs, matrix } = table;
  // The full permutation: the rows asked for, then the rest in any order.
  const named = new Set(order);
  const source = Int32Array.from([
    ...order,
    ...Array.from(table.paths.keys()).filter((row) => !named.has(row)),
  ]);
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
  const picked = <T>(values: readonly T[]): T[] => Array.from(order, (row) => values[row]);
  table.paths = picked(table.paths);
  table.hashes = picked(table.hashes);
  table.labels = picked(table.labels);
  table.splits = picked(table.splits);
  table.groups = picked(table.groups);
  table.phashes = picked(table.phashes);
  table.views = order.length === 0 ? new Int16Array() : Int16Array.from(order, (row) => table.views[row]);
  table.rows = order.length;
  table.matrix = matrix.subarray(0, order.length * inputs);
}
