/** Reads feature stores into memory: their images once, and one matrix for each source that heads compete on. */

import { didYouMean } from '../shared/cli/suggest.ts';
import type { Reporter } from '../shared/cli/terminal.ts';
import { InputError, UsageError } from '../shared/errors.ts';
import type { HeadSource } from '../shared/head/record.ts';
import { type FeatureStore, openStore, type StorePart } from '../shared/store/reader.ts';
import { augmentationOf } from './augmented.ts';
import type { SourceRequest } from './sources.ts';
import { type FeatureSet, type FeatureTable, keepRows } from './table.ts';

/** The column used when none is named, if the store has it. */
const DEFAULT_COLUMN = 'avg';

/** Where a store's columns go. */
interface Use {
  set: FeatureSet;
  source: HeadSource;
  /** Of the columns in a row of the set. */
  offset: number;
}

interface OpenedStore {
  store: FeatureStore;
  uses: Use[];
}

/**
 * Reads the stores of all sources, each once. They are joined by image content: an image that some store lacks is left
 * out with a warning, so that all sources have the same rows.
 * @throws InputError for a damaged store or features that are not finite, UsageError for an unknown column
 */
export async function readFeatures(
  requests: readonly SourceRequest[],
  reporter: Reporter,
): Promise<FeatureTable> {
  const stores = await openStores(
    requests.flatMap(({ features }) => features),
    reporter,
  );
  const [{ store: first }] = stores.values();
  const sets = requests.map((request) => openSet(request, stores, first.rows));
  const table: FeatureTable = {
    rows: first.rows,
    paths: [],
    hashes: [],
    labels: [],
    splits: [],
    groups: [],
    phashes: [],
    weights: null,
    views: new Int16Array(first.rows),
    augment: null,
    sets,
  };
  for (const [at, opened] of [...stores.values()].entries()) {
    const missing = at === 0 ? await fillFirst(table, opened) : await fillNext(table, opened);
    if (missing.size === 0) continue;
    const { dir } = opened.store;
    if (missing.size === table.rows)
      throw new InputError(
        `Expected the same images in all feature stores but ${dir} has none of ${first.dir}`,
      );
    reporter.warn(`${missing.size} of ${table.rows} images are not in ${dir} and are left out`);
    keepRows(table, (row) => !missing.has(row));
  }
  table.augment = augmentationOf(
    [...stores.values()].map(({ store }) => store),
    table.views,
  );
  return table;
}

/** Opens each store once, in the order in which they are first named. */
async function openStores(dirs: readonly string[], reporter: Reporter): Promise<Map<string, OpenedStore>> {
  const stores = new Map<string, OpenedStore>();
  for (const dir of new Set(dirs)) {
    const store = await openStore(dir);
    if (!store.manifest.complete)
      reporter.warn(`${dir} is not complete: extract was interrupted; run it again for all images`);
    stores.set(dir, { store, uses: [] });
  }
  return stores;
}

/** Makes room for a source's features, and notes at its stores where they go. */
function openSet(request: SourceRequest, stores: ReadonlyMap<string, OpenedStore>, rows: number): FeatureSet {
  const opened = request.features.flatMap((dir) => stores.get(dir) ?? []);
  const sources = opened.map(({ store }) => sourceOf(store, request.pooling));
  const inputs = sources.reduce((sum, { dimension }) => sum + dimension, 0);
  const matrix = new Float32Array(new SharedArrayBuffer(rows * inputs * Float32Array.BYTES_PER_ELEMENT));
  const set: FeatureSet = { request, sources, inputs, matrix };
  let offset = 0;
  for (const [at, { uses }] of opened.entries()) {
    uses.push({ set, source: sources[at], offset });
    offset += sources[at].dimension;
  }
  return set;
}

function sourceOf(
  { dir, manifest, columns: available }: FeatureStore,
  wanted: readonly string[],
): HeadSource {
  const names = available.map(({ name }) => name);
  const fallback = names.includes(DEFAULT_COLUMN) ? DEFAULT_COLUMN : names[0];
  const columns = wanted.length > 0 ? [...wanted] : [fallback];
  const dimension = columns.reduce((sum, name) => {
    const column = available.find((candidate) => candidate.name === name);
    if (column) return sum + column.dimension;
    throw new UsageError(
      `Expected one of ${names.join(', ')} for --pooling (the columns of ${dir}) but received "${name}"${didYouMean(name, names)}`,
    );
  }, 0);
  return { pipeline: manifest.pipeline, columns, dimension };
}

/** Copies a part's row into row `to` of the matrix. */
function copyRow({ set, source, offset }: Use, part: StorePart, from: number, to: number): void {
  let at = to * set.inputs + offset;
  for (const name of source.columns) {
    const column = part.features.get(name);
    if (!column) throw new Error(`A part has no column ${name}`);
    const dimension = column.length / part.rows;
    const row = column.subarray(from * dimension, (from + 1) * dimension);
    if (!row.every(Number.isFinite)) {
      throw new InputError(
        `Expected finite features but ${name} of ${part.paths[from]} in ${part.entry.file} has NaN or infinity`,
      );
    }
    set.matrix.set(row, at);
    at += dimension;
  }
}

async function fillFirst(table: FeatureTable, { store, uses }: OpenedStore): Promise<Set<number>> {
  for await (const part of store.parts()) {
    for (let from = 0; from < part.rows; from++) {
      const to = table.paths.length;
      for (const use of uses) copyRow(use, part, from, to);
      table.views[to] = part.views[from];
      table.paths.push(part.paths[from]);
      table.hashes.push(part.sha256[from]);
      table.labels.push(part.labels[from]);
      table.splits.push(part.splits[from]);
      table.groups.push(part.groups[from]);
      table.phashes.push(part.phashes[from]);
    }
    // All parts of a store have weights, or none has.
    if (part.weights) table.weights = [...(table.weights ?? []), ...part.weights];
  }
  return new Set();
}

/** Fills in another store's features by image; returns the rows for which it has none. */
async function fillNext(table: FeatureTable, { store, uses }: OpenedStore): Promise<Set<number>> {
  const rowsOf = new Map<string, number[]>();
  for (const [row, hash] of table.hashes.entries()) {
    const key = `${hash} ${table.views[row]}`;
    rowsOf.set(key, [...(rowsOf.get(key) ?? []), row]);
  }
  const missing = new Set(table.hashes.keys());
  for await (const part of store.parts()) {
    for (let from = 0; from < part.rows; from++) {
      for (const to of rowsOf.get(`${part.sha256[from]} ${part.views[from]}`) ?? []) {
        for (const use of uses) copyRow(use, part, from, to);
        missing.delete(to);
      }
    }
  }
  return missing;
}
