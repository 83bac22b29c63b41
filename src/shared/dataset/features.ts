/** Reads feature stores into memory: their images once, and one matrix for each source that heads compete on. */

import { InputError } from '../errors.ts';
import type { HeadSource } from '../head/record.ts';
import { counted, plural } from '../plural.ts';
import type { Reporter } from '../reporter.ts';
import { MATHS_VERSION } from '../store/pipeline.ts';
import { type FeatureStore, openStore, type StorePart } from '../store/reader.ts';
import { augmentationOf } from './augmented.ts';
import { requestedColumnsOf } from './columns.ts';
import { contentHashes, hashOf, setHash } from './content-hashes.ts';
import { isInMemory } from './rows.ts';
import { sharedFloats } from './shared-memory.ts';
import type { SourceRequest } from './source-options.ts';
import { type FeatureSet, type FeatureTable, keepRows, type OpenedStore } from './table.ts';

/**
 * Reads the stores of all sources, each once. They are joined by image content: an image that some store lacks is left
 * out with a warning, so that all sources have the same rows.
 * @param maxBytes all matrices together may have in memory; larger ones are left empty, see {@link visitFeatures}
 * @throws InputError for a damaged store or features that are not finite, UsageError for an unknown column
 */
export async function readFeatures(
  requests: readonly SourceRequest[],
  reporter: Reporter,
  { maxBytes = Number.POSITIVE_INFINITY } = {},
): Promise<FeatureTable> {
  const stores = await openStores(
    requests.flatMap(({ features }) => features),
    reporter,
  );
  const [{ store: first }] = stores.values();
  const sets = requests.map((request, index) => openSet(request, index, stores));
  const numbers = first.rows * sets.reduce((sum, { inputs }) => sum + inputs, 0);
  const matrixBytes = numbers * Float32Array.BYTES_PER_ELEMENT;
  const fits = matrixBytes <= maxBytes;
  let table: FeatureTable = {
    rows: first.rows,
    paths: [],
    hashes: contentHashes(first.rows),
    labels: [],
    splits: [],
    groups: [],
    phashes: [],
    weights: null,
    views: new Int16Array(first.rows),
    augment: null,
    sets: sets.map((set) => (fits ? { ...set, matrix: sharedFloats(first.rows * set.inputs) } : set)),
    matrixBytes,
    stores: [...stores.values()],
  };
  for (const [index, opened] of table.stores.entries()) {
    const missing = index === 0 ? await fillFirst(table, opened) : await fillNext(table, opened);
    if (missing.size === 0) continue;
    const { dir } = opened.store;
    if (missing.size === table.rows)
      throw new InputError(
        `Expected the same images in all feature stores but ${dir} has none of ${first.dir}`,
      );
    reporter.warn(
      `${missing.size} of ${counted(table.rows, 'image')} ${plural(missing.size, 'is', 'are')} not in ${dir} and ${plural(missing.size, 'is', 'are')} left out`,
    );
    table = keepRows(table, (row) => !missing.has(row));
  }
  const augment = augmentationOf(
    table.stores.map(({ store }) => store),
    table.views,
  );
  return { ...table, augment };
}

/** Opens each store once, in the order in which they are first named. */
async function openStores(dirs: readonly string[], reporter: Reporter): Promise<Map<string, OpenedStore>> {
  const stores = new Map<string, OpenedStore>();
  for (const dir of new Set(dirs)) {
    const store = await openStore(dir);
    if (!store.manifest.complete)
      reporter.warn(`${dir} is not complete: extract was interrupted; run it again for all images`);
    if (store.manifest.pipeline.maths < MATHS_VERSION)
      reporter.warn(
        `${dir} was made by an earlier version of permafrost: predict will refuse heads that are trained on it; run extract again first`,
      );
    stores.set(dir, { store, uses: [] });
  }
  return stores;
}

/** Notes at the stores of a source where their features go. */
function openSet(
  request: SourceRequest,
  index: number,
  stores: ReadonlyMap<string, OpenedStore>,
): FeatureSet {
  const opened = request.features.flatMap((dir) => stores.get(dir) ?? []);
  const sources = opened.map(({ store }) => sourceOf(store, request.pooling));
  const inputs = sources.reduce((sum, { dimension }) => sum + dimension, 0);
  let offset = 0;
  for (const [position, { uses }] of opened.entries()) {
    const source = sources[position];
    uses.push({ set: index, source, offset });
    offset += source.dimension;
  }
  return { request, sources, inputs, matrix: new Float32Array(0) };
}

function sourceOf(store: FeatureStore, requested: readonly string[]): HeadSource {
  const columns = requestedColumnsOf(store, requested);
  const dimension = columns.reduce(
    (sum, name) => sum + (store.columns.find((column) => column.name === name)?.dimension ?? 0),
    0,
  );
  return { pipeline: store.manifest.pipeline, columns, dimension };
}

/** Some of the numbers of a row of a set (its place in the table's list), which begin at `offset`. */
type Put = (set: number, row: number, offset: number, values: Float32Array) => void;

/** Into the matrices, where they are in memory. */
function intoMemory({ sets }: FeatureTable): Put {
  return (set, row, offset, values) => {
    const { matrix, inputs } = sets[set];
    if (isInMemory(matrix) && matrix.length > 0) matrix.set(values, row * inputs + offset);
  };
}

/** Puts a part's row `from` where it is used, as row `to`. */
function putRow(
  { set, source, offset }: OpenedStore['uses'][number],
  part: StorePart,
  { from, to }: { from: number; to: number },
  put: Put,
): void {
  let position = offset;
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
    put(set, to, position, row);
    position += dimension;
  }
}

async function fillFirst(table: FeatureTable, { store, uses }: OpenedStore): Promise<Set<number>> {
  // Rows with the same labels share one list: of a million rows, a list each would take 100 MB.
  const lists = new Map<string, string[]>();
  const shared = (labels: string[]): string[] => {
    const key = JSON.stringify(labels);
    // Stores of earlier versions keep class names in whatever Unicode form they came.
    const existing = lists.get(key) ?? [...new Set(labels.map((label) => label.normalize('NFC')))];
    lists.set(key, existing);
    return existing;
  };
  const put = intoMemory(table);
  for await (const part of store.parts()) {
    for (let from = 0; from < part.rows; from++) {
      const to = table.paths.length;
      for (const use of uses) putRow(use, part, { from, to }, put);
      table.views[to] = part.views[from];
      table.paths.push(part.paths[from]);
      setHash(table.hashes, to, part.sha256[from]);
      table.labels.push(shared(part.labels[from]));
      table.splits.push(part.splits[from]);
      table.groups.push(part.groups[from]);
      table.phashes.push(part.phashes[from]);
    }
    // All parts of a store have weights, or none has.
    table.weights ??= part.weights && [];
    for (const weight of part.weights ?? []) table.weights?.push(weight);
  }
  return new Set();
}

/** Fills in another store's features by image; returns the rows for which it has none. */
async function fillNext(table: FeatureTable, opened: OpenedStore): Promise<Set<number>> {
  const missing = new Set(table.paths.keys());
  const put = intoMemory(table);
  await visitStore(opened, rowsByImage(table), (set, row, offset, values) => {
    put(set, row, offset, values);
    missing.delete(row);
  });
  return missing;
}

type RowsByImage = ReadonlyMap<string, readonly number[]>;

function imageKey(sha256: string, view: number): string {
  return `${sha256} ${view}`;
}

function rowsByImage({ hashes, views }: FeatureTable): RowsByImage {
  const rowsOf = new Map<string, number[]>();
  for (const [row, view] of views.entries()) {
    const key = imageKey(hashOf(hashes, row), view);
    const existing = rowsOf.get(key);
    if (existing) existing.push(row);
    else rowsOf.set(key, [row]);
  }
  return rowsOf;
}

async function visitStore({ store, uses }: OpenedStore, rowsOf: RowsByImage, put: Put): Promise<void> {
  for await (const part of store.parts()) {
    for (let from = 0; from < part.rows; from++) {
      for (const to of rowsOf.get(imageKey(part.sha256[from], part.views[from])) ?? []) {
        for (const use of uses) putRow(use, part, { from, to }, put);
      }
    }
  }
}

/**
 * Reads the features of a table's rows from the stores once more, in the stores' order.
 * @throws InputError for a damaged store
 */
export async function visitFeatures(table: FeatureTable, put: Put): Promise<void> {
  const rowsOf = rowsByImage(table);
  for (const opened of table.stores) await visitStore(opened, rowsOf, put);
}
