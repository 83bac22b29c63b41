/** `cache merge`: joins stores, the shards of a dataset for one, without computing anything again. */
import type { FileHandle } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { InputError, unexpected } from '../shared/errors.ts';
import { writeConflicts } from '../shared/store/conflicts.ts';
import { codeOf, disk, diskError, writeDurably } from '../shared/store/files.ts';
import { lockStore } from '../shared/store/lock.ts';
import type { RowRecord } from '../shared/store/part-buffer.ts';
import { pipelineDifferences } from '../shared/store/pipeline.ts';
import { type FeatureStore, openStore } from '../shared/store/reader.ts';
import { ERRORS_FILE, MANIFEST_FILE, type StoreManifest } from '../shared/store/schema.ts';
import { createStoreWriter } from '../shared/store/writer.ts';

/** What was merged. */
export interface Merged {
  out: string;
  stores: number;
  rows: number;
  failed: number;
}

/**
 * Joins complete stores of one pipeline into a new one. Shards are put in their order, and all of them must be
 * there: the result is the store of the whole dataset, row for row. Other stores follow each other as they are given.
 * @throws InputError when a store is incomplete or damaged, pipelines differ, shards are missing, or `out` holds a store
 */
export async function mergeStores(dirs: readonly string[], out: string): Promise<Merged> {
  if (dirs.some((dir) => resolve(dir) === resolve(out)))
    throw new InputError(`--out ${out} is one of the stores to merge: give another folder`);
  const stores = inOrder(await Promise.all(dirs.map(openStore)));
  for (const store of stores) checkFits(store, stores[0]);
  const lock = await lockStore(out);
  try {
    if (await isComplete(out))
      throw new InputError(`--out ${out} already holds a feature store: give another folder`);
    const { pipeline, columns, augment } = stores[0].manifest;
    const sum = (count: 'images' | 'failed') =>
      stores.reduce((total, { manifest }) => total + manifest.counts[count], 0);
    const classes = [...new Set(stores.flatMap(({ manifest }) => manifest.classes))].sort();
    const writer = await createStoreWriter(
      out,
      { pipeline, columns, augment, classes, images: sum('images') },
      // Full parts at once: there is nothing to lose that could not be copied again.
      { guard: lock.check, flushRows: Number.POSITIVE_INFINITY, flushSeconds: Number.POSITIVE_INFINITY },
    );
    const rows: RowRecord[] = [];
    for (const store of stores) await copyRows(store, writer, rows);
    await writeDurably(join(out, ERRORS_FILE), errorsOf(stores));
    const failed = sum('failed');
    await writer.finish({ rows, failed });
    await writeConflicts(out, rows);
    return { out, stores: stores.length, rows: rows.length, failed };
  } finally {
    await lock.release();
  }
}

async function copyRows(
  store: FeatureStore,
  writer: Awaited<ReturnType<typeof createStoreWriter>>,
  rows: RowRecord[],
): Promise<void> {
  for await (const part of store.parts()) {
    for (let i = 0; i < part.rows; i++) {
      const record: RowRecord = {
        path: part.paths[i],
        sha256: part.sha256[i],
        labels: part.labels[i],
        split: part.splits[i],
        view: part.views[i],
        group: part.groups[i],
        weight: part.weights?.[i],
      };
      rows.push(record);
      if (writer.has(record)) continue;
      const vectors = store.columns.map(({ name, dimension }) =>
        part.features.get(name)!.subarray(i * dimension, (i + 1) * dimension),
      );
      await writer.append(record, vectors, part.phashes[i]);
    }
  }
}

/** Shards by their number; stores that are no shards as they are. */
function inOrder(stores: FeatureStore[]): FeatureStore[] {
  const shards = stores.filter(({ manifest }) => manifest.shard);
  if (shards.length === 0) return stores;
  const indexOf = ({ manifest }: FeatureStore) => manifest.shard?.index ?? 0;
  const of = shards[0].manifest.shard!.of;
  const odd = stores.find(({ manifest }) => manifest.shard?.of !== of);
  if (odd) throw unexpected(`a shard of ${of}`, odd.dir, odd.manifest.shard);
  const missing = Array.from({ length: of }, (_, i) => i + 1).filter(
    (index) => shards.filter((shard) => indexOf(shard) === index).length !== 1,
  );
  if (missing.length > 0) {
    const shown = missing.slice(0, 20).join(', ');
    throw new InputError(`Expected each of ${of} shards once but shard ${shown} is missing or duplicated`);
  }
  return [...shards].sort((a, b) => indexOf(a) - indexOf(b));
}

function checkFits({ dir, manifest }: FeatureStore, first: FeatureStore): void {
  if (!manifest.complete) {
    throw new InputError(`Expected complete stores but ${dir} is not: run its extraction again to its end`);
  }
  const differing = pipelineDifferences(first.manifest, manifest);
  if (differing.length > 0) {
    throw new InputError(
      `Expected stores of one pipeline but ${dir} differs from ${first.dir}: ${differing.join(', ')}`,
    );
  }
}

async function isComplete(out: string): Promise<boolean> {
  const names = await disk.readdir(out);
  if (!names.includes(MANIFEST_FILE)) return false;
  const manifest: StoreManifest | undefined = await openStore(out).then(
    (store) => store.manifest,
    () => undefined,
  );
  // One that cannot be opened is someone's, too.
  return manifest?.complete ?? true;
}

/** The lists of images that could not be used, one behind the other, in pieces. @throws InputError naming the file */
async function* errorsOf(stores: readonly FeatureStore[]): AsyncGenerator<Uint8Array> {
  for (const { dir } of stores) {
    const path = join(dir, ERRORS_FILE);
    const file = await disk.open(path).catch((thrown: unknown) => {
      if (codeOf(thrown) === 'ENOENT') return undefined;
      throw diskError('read', path, thrown);
    });
    if (file) yield* piecesOf(file, path);
  }
}

const PIECE_BYTES = 1 << 20;

async function* piecesOf(file: FileHandle, path: string): AsyncGenerator<Uint8Array> {
  try {
    for (;;) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(PIECE_BYTES), 0, PIECE_BYTES);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } catch (thrown) {
    throw diskError('read', path, thrown);
  } finally {
    await file.close();
  }
}
