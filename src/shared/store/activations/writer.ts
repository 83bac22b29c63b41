/** Writes cached activations: full parts one after the other, each of which survives from when it is listed. */
import { join } from 'node:path';
import { sharedMemory } from '../checked-file.ts';
import { type Content, contentKey } from '../content.ts';
import { makeFolder, writeDurably } from '../files.ts';
import { openPartFiles, partNumber } from '../part-files.ts';
import { MANIFEST_FILE, type PartEntry, sealManifest } from '../schema.ts';
import { type ActivationRow, encodeActivations } from './part.ts';
import type { ActivationLayout } from './request.ts';
import { rowBuffer } from './row-buffer.ts';
import { packedIndex } from './row-index.ts';
import { type ActivationManifest, layoutOf, rowBytes } from './schema.ts';
import { readStoredPart, type StoredPart } from './stored.ts';

export interface ActivationWriter {
  /** Parts that are listed. */
  readonly parts: readonly StoredPart[];
  /** Whether the activation of this content and view is there already, appended or from an earlier run. */
  has(content: Content): boolean;
  /** Adds a row whose activation is not there yet; `features` has one vector a column. Both are copied. */
  append(row: ActivationRow, activation: Float32Array, features: readonly Float32Array[]): Promise<void>;
  /** Lists the rows appended so far: from here on they survive a crash. */
  flush(): Promise<void>;
  /** Lists all rows, marks the cache as complete and removes parts that are not listed. */
  finish(): Promise<void>;
}

interface WriterOptions {
  /** Parts of earlier runs, which stay. */
  stored?: readonly StoredPart[];
  /** Those of earlier runs that are damaged: the next rows take their places. */
  damaged?: readonly PartEntry[];
  /** Rows of a part at most; default: so many that a run that is killed loses little. */
  maxPartRows?: number;
  /** Called before anything is written; what it throws ends the writing. */
  guard?(): Promise<void>;
}

/** A part is in memory once as it is made and once as it is read back. */
const MAX_PART_BYTES = 16 * 2 ** 20;
/** A run that is killed loses less than a part: a few seconds of a fast network, half a minute of a slow one. */
const MAX_PART_ROWS = 256;

/** Rows of a part that is full. */
export function partRows(layout: ActivationLayout, max = MAX_PART_ROWS): number {
  return Math.max(1, Math.min(max, Math.floor(MAX_PART_BYTES / rowBytes(layout))));
}

/**
 * Starts writing to a folder (made if need be). The same rows in the same order make the same files, however often the work was
 * killed and begun again.
 * @param header what the manifest says beside its parts
 */
export async function createActivationWriter(
  dir: string,
  header: ActivationManifest,
  { stored = [], damaged = [], maxPartRows, guard = async () => {} }: WriterOptions = {},
): Promise<ActivationWriter> {
  await makeFolder(dir);
  const layout = layoutOf(header);
  const capacity = partRows(layout, maxPartRows);
  const parts = [...stored];
  const entries = () => parts.map(({ entry }) => entry);
  const places = [...damaged];
  const taken = [...entries(), ...damaged].map(({ file }) => file);
  const files = await openPartFiles(dir, guard, taken);
  const before = packedIndex(parts);
  const appended = new Set<string>();
  const buffer = rowBuffer(layout, capacity);
  const memory = sharedMemory();

  const commit = async (complete: boolean): Promise<void> => {
    await guard();
    const rows = parts.reduce((sum, part) => sum + part.rows, 0);
    const manifest = { ...header, complete, parts: entries(), counts: { rows } };
    await writeDurably(join(dir, MANIFEST_FILE), sealManifest(manifest));
  };
  const writePart = async (): Promise<void> => {
    if (buffer.length === 0) return;
    const pieces = await encodeActivations(buffer.rows(), layout);
    const entry = await files.write(buffer.length, pieces, places.shift()?.file);
    // Read back: what the disk gives is what was computed, and where in the file it begins.
    parts.push(await readStoredPart(dir, entry, layout, memory));
    parts.sort((a, b) => partNumber(a.entry.file) - partNumber(b.entry.file));
    buffer.clear();
  };

  return {
    parts,
    has: (content) => before(content.sha256, content.view) !== undefined || appended.has(contentKey(content)),
    async append(row, activation, features) {
      buffer.put(row, activation, features);
      appended.add(contentKey(row));
      if (buffer.length < Math.min(capacity, places[0]?.rows ?? capacity)) return;
      await writePart();
      await commit(false);
    },
    async flush() {
      if (buffer.length === 0) return;
      await writePart();
      await commit(false);
    },
    async finish() {
      await writePart();
      await commit(true);
      await files.keepOnly(entries());
    },
  };
}
