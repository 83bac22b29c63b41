/** Writes a feature store: rows are committed a part at a time, and put in their final order at the end. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { type Content, contentKey } from './content.ts';
import { contentIndex } from './content-index.ts';
import { disk, diskError, makeFolder, writeDurably } from './files.ts';
import { encodePart, type PartRows } from './part.ts';
import { partBuffer, type RowRecord } from './part-buffer.ts';
import { readPart, type StorePart, sharedMemory } from './reader.ts';
import { evenlyWeighted, gather, partsInOrder } from './reorder.ts';
import {
  type FeatureColumn,
  FORMAT,
  FORMAT_VERSION,
  MANIFEST_FILE,
  NUMBER_BYTES,
  PART_FILE,
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
  { images, shard = null, augment = null, ...header }: StoreHeader,
  {
    storedParts = [],
    partBytes = 4 * 2 ** 20,
    flushRows = 2000,
    flushSeconds = 2,
    guard = async () => {},
  }: WriterOptions = {},
): Promise<StoreWriter> {
  await makeFolder(dir);
  const { columns, pipeline } = header;
  const numbers = columns.reduce((sum, { dimension }) => sum + dimension, 0);
  const partRows = Math.max(1, Math.floor(partBytes / (numbers * NUMBER_BYTES[pipeline.dtype])));
  const pendingRows = Math.min(partRows, flushRows);
  const parts: StoredPart[] = [];
  const contents = contentIndex();
  const hold = (part: StoredPart): void => {
    parts.push(part);
    contents.add(part);
  };
  storedParts.forEach(hold);
  const appended = new Set<string>();
  // Not as arguments of one call: a store of hundred thousand parts has too many.
  let nextPart = (await partFiles(dir)).reduce((next, file) => Math.max(next, partNumber(file) + 1), 0);
  // Memory for one part: of rows that wait to be committed, and at the end of those that are put in order.
  const pending = partBuffer(columns, partRows);
  let nextFlush = performance.now() + flushSeconds * 1000;

  const writePart = async (rows: PartRows): Promise<PartEntry> => {
    await guard();
    const pieces = await encodePart(rows, columns, pipeline.dtype);
    const file = `part-${String(nextPart++).padStart(5, '0')}.arrow`;
    await writeDurably(join(dir, file), pieces);
    const sha256 = createHash('sha256');
    for (const piece of pieces) sha256.update(piece);
    const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
    return { file, rows: rows.paths.length, bytes, sha256: sha256.digest('hex') };
  };

  const manifestOf = (listed: PartEntry[], complete: boolean, failed: number): StoreManifest => ({
    format: FORMAT,
    formatVersion: FORMAT_VERSION,
    complete,
    ...header,
    parts: listed,
    counts: { images, rows: listed.reduce((sum, part) => sum + part.rows, 0), failed },
    shard,
    augment,
  });

  const entries = (): PartEntry[] => parts.map(({ entry }) => entry);

  const commit = async (manifest: StoreManifest): Promise<StoreManifest> => {
    await guard();
    await writeDurably(join(dir, MANIFEST_FILE), sealManifest(manifest));
    return manifest;
  };

  const flush = async (): Promise<void> => {
    const { records } = pending;
    if (records.length === 0) return;
    const started = performance.now();
    hold({ entry: await writePart(pending.rows()), records });
    pending.clear();
    appended.clear();
    await commit(manifestOf(entries(), false, 0));
    const ended = performance.now();
    nextFlush = ended + Math.max(flushSeconds * 1000, (ended - started) / FLUSH_SHARE);
  };

  return {
    has: (content) => contents.has(content) || appended.has(contentKey(content)),
    async append(record, features, phash = null) {
      appended.add(contentKey(record));
      pending.put(pending.records.length, record, phash, features);
      if (performance.now() > nextFlush || pending.records.length >= pendingRows) await flush();
    },
    flush,
    async finish({ rows, failed }) {
      await flush();
      const wanted = evenlyWeighted(rows ?? parts.flatMap(({ records }) => records));
      const ordered = partsInOrder(parts, wanted, partRows);
      const sources = manifestOf(entries(), false, 0);
      const memory = sharedMemory();
      let last: StorePart | undefined;
      const read = async (entry: PartEntry): Promise<StorePart> => {
        if (last?.entry !== entry) last = await readPart(dir, sources, entry, memory);
        return last;
      };
      let done = ordered.reduce((sum, part) => sum + part.rows, 0);
      for (; done < wanted.length; done += partRows) {
        const rowsOfPart = wanted.slice(done, done + partRows);
        ordered.push(
          await writePart(await gather(rowsOfPart, contents, sources.parts, columns, read, pending)),
        );
      }
      const manifest = await commit(manifestOf(ordered, true, failed));
      const listed = new Set(ordered.map(({ file }) => file));
      for (const file of await partFiles(dir)) {
        if (!listed.has(file)) await disk.rm(join(dir, file), { force: true });
      }
      return manifest;
    },
  };
}

/** 12 of `part-00012.arrow`. */
function partNumber(file: string): number {
  return Number.parseInt(file.slice('part-'.length), 10);
}

/** Part files in a store's folder, listed in the manifest or not; unfinished ones (.tmp) are removed. */
async function partFiles(dir: string): Promise<string[]> {
  try {
    const names = await disk.readdir(dir);
    for (const name of names) {
      if (name.endsWith('.tmp') && PART_FILE.test(name.slice(0, -4)))
        await disk.rm(join(dir, name), { force: true });
    }
    return names.filter((name) => PART_FILE.test(name));
  } catch (thrown) {
    throw diskError('tidy', dir, thrown);
  }
}
