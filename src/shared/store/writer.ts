/** Writes a feature store: rows are committed a part at a time, and put in their final order at the end. */
import { join } from 'node:path';
import { type Content, contentKey } from './content.ts';
import { contentIndex } from './content-index.ts';
import { disk, makeFolder, writeDurably } from './files.ts';
import { encodePart, type PartRows } from './part.ts';
import { partBuffer, type RowRecord } from './part-buffer.ts';
import { openPartFiles } from './part-files.ts';
import { evenlyWeighted, gather, partReader, partsInOrder } from './reorder.ts';
import {
  ADDING_FILE,
  type FeatureColumn,
  FORMAT,
  FORMAT_VERSION,
  MANIFEST_FILE,
  NUMBER_BYTES,
  type PartEntry,
  type Pipeline,
  type Shard,
  type StoreManifest,
  sealManifest,
} from './schema.ts';
import type { StoredPart } from './stored-parts.ts';

/** What the manifest of a store to be written says from the start. */
export interface StoreHeader {
  pipeline: Pipeline;
  classes: string[];
  columns: FeatureColumn[];
  /** Number of images in the dataset, usable or not. */
  images: number;
  /** Default: the store is of the whole dataset. */
  shard?: Shard | null;
  /** How views are made; default: there are none. */
  augment?: string | null;
}

export interface WriterOptions {
  /** Parts of an earlier run to go on from. */
  storedParts?: StoredPart[];
  /** Whether the folder's store stays as it is until the end, because the new one has more columns. */
  addsColumns?: boolean;
  /**
   * Bytes of features in one part. The format allows 256 MiB a file, but a part is in memory several times over as it
   * is made: 16 MiB cost 60 MB more than 4 MiB do.
   */
  partBytes?: number;
  /** Rows after which work is committed although the part is not full. */
  flushRows?: number;
  /** Seconds after which work is committed although the part is not full; more where committing takes long. */
  flushSeconds?: number;
  /** Called before anything is written; what it throws ends the writing. */
  guard?(): Promise<void>;
}

export interface StoreWriter {
  /** Whether the features of this content and view are there already, appended or from an earlier run. */
  has(content: Content): boolean;
  /** Adds a row whose features are not there yet; `features` has one vector a column, copied. */
  append(record: RowRecord, features: Float32Array[], phash?: string | null): Promise<void>;
  /** Commits the rows appended so far: from here on they survive a crash. The store stays marked as incomplete. */
  flush(): Promise<void>;
  /**
   * Makes the store consist of exactly `rows`, in this order (default: all rows as they were appended), in full
   * parts, and marks it complete. Features are looked up by content, so a row may bear another path or other labels
   * than when it was appended, and content may occur in several rows. Parts that are as they should be stay untouched.
   */
  finish(result: { rows?: RowRecord[]; failed: number }): Promise<StoreManifest>;
}

/** Committing may take this share of the time: on a slow disk it happens more rarely. */
const FLUSH_SHARE = 0.02;

/** Starts writing to a folder (made if need be), adding to what `storedParts` lists. */
export async function createStoreWriter(
  dir: string,
  header: StoreHeader,
  {
    storedParts = [],
    addsColumns = false,
    partBytes = 4 * 2 ** 20,
    flushRows = 2000,
    flushSeconds = 2,
    guard = async () => {},
  }: WriterOptions = {},
): Promise<StoreWriter> {
  await makeFolder(dir);
  const partRows = rowsOfParts(header, partBytes);
  const files = await openPartFiles(dir, guard);
  const write = async (rows: PartRows): Promise<PartEntry> =>
    files.write(rows.paths.length, await encodePart(rows, header.columns, header.pipeline.dtype));
  const { parts, contents, addPart } = partList(storedParts);
  const commit = manifestWriter(dir, guard);
  // Memory for one part: of rows that wait to be committed, and at the end of those that are put in order.
  const pending = partBuffer(header.columns, partRows);
  const appended = new Set<string>();
  let nextFlush = performance.now() + flushSeconds * 1000;
  const flush = async (): Promise<void> => {
    const { records } = pending;
    if (records.length === 0) return;
    const started = performance.now();
    addPart({ entry: await write(pending.rows()), records });
    pending.clear();
    appended.clear();
    await commit(addsColumns ? ADDING_FILE : MANIFEST_FILE, unfinishedManifest(header, parts));
    const ended = performance.now();
    nextFlush = ended + Math.max(flushSeconds * 1000, (ended - started) / FLUSH_SHARE);
  };

  return {
    has: (content) => contents.has(content) || appended.has(contentKey(content)),
    async append(record, features, phash = null) {
      appended.add(contentKey(record));
      pending.put(pending.records.length, record, phash, features);
      if (performance.now() > nextFlush || pending.records.length >= Math.min(partRows, flushRows))
        await flush();
    },
    flush,
    async finish({ rows, failed }) {
      await flush();
      const wanted = evenlyWeighted(rows ?? parts.flatMap(({ records }) => records));
      const source = { manifest: unfinishedManifest(header, parts), read: partReader(dir), contents };
      const listed = partsInOrder(parts, wanted, partRows);
      for (let done = rowCount(listed); done < wanted.length; done += partRows)
        listed.push(await write(await gather(wanted.slice(done, done + partRows), source, pending)));
      const manifest = await commit(MANIFEST_FILE, manifestOf(header, listed, { complete: true, failed }));
      await disk.rm(join(dir, ADDING_FILE), { force: true });
      await files.keepOnly(listed);
      return manifest;
    },
  };
}

/** Writes manifests into the store's folder, and returns them. */
function manifestWriter(dir: string, guard: () => Promise<void>) {
  return async (file: string, manifest: StoreManifest): Promise<StoreManifest> => {
    await guard();
    await writeDurably(join(dir, file), sealManifest(manifest));
    return manifest;
  };
}

/** Parts in the order in which they were added, and where each content is. */
function partList(storedParts: readonly StoredPart[]) {
  const parts: StoredPart[] = [];
  const contents = contentIndex();
  const addPart = (part: StoredPart): void => {
    parts.push(part);
    contents.add(part);
  };
  storedParts.forEach(addPart);
  return { parts, contents, addPart };
}

function rowCount(parts: readonly PartEntry[]): number {
  return parts.reduce((sum, { rows }) => sum + rows, 0);
}

/** Rows of a part of at most so many bytes of features. */
function rowsOfParts({ columns, pipeline }: StoreHeader, partBytes: number): number {
  const numbers = columns.reduce((sum, { dimension }) => sum + dimension, 0);
  return Math.max(1, Math.floor(partBytes / (numbers * NUMBER_BYTES[pipeline.dtype])));
}

/** While rows are added: parts as they come, in no order. */
function unfinishedManifest(header: StoreHeader, parts: readonly StoredPart[]): StoreManifest {
  return manifestOf(
    header,
    parts.map(({ entry }) => entry),
    { complete: false, failed: 0 },
  );
}

function manifestOf(
  { images, shard = null, augment = null, ...header }: StoreHeader,
  parts: PartEntry[],
  { complete, failed }: { complete: boolean; failed: number },
): StoreManifest {
  return {
    format: FORMAT,
    formatVersion: FORMAT_VERSION,
    complete,
    ...header,
    parts,
    counts: { images, rows: rowCount(parts), failed },
    shard,
    augment,
  };
}
