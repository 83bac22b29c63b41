/** Puts the rows of a store in their final order. */

import { sharedMemory } from './checked-file.ts';
import type { ContentIndex } from './content-index.ts';
import type { PartRows } from './part.ts';
import type { PartBuffer, RowRecord } from './part-buffer.ts';
import { readPart, type StorePart } from './reader.ts';
import type { PartEntry, StoreManifest } from './schema.ts';
import type { StoredPart } from './stored-parts.ts';

/** The parts at the start of a store that already are the start of `wanted`: full ones, and a last one that ends it. */
export function partsInOrder(storedParts: StoredPart[], wanted: RowRecord[], partRows: number): PartEntry[] {
  const kept: PartEntry[] = [];
  let done = 0;
  for (const { entry, records } of storedParts) {
    const full = entry.rows >= partRows || done + entry.rows === wanted.length;
    if (!full || !records.every((record, row) => isSame(record, wanted[done + row]))) break;
    kept.push(entry);
    done += entry.rows;
  }
  return kept;
}

function isSame(a: RowRecord, b: RowRecord | undefined): boolean {
  return (
    b !== undefined &&
    a.sha256 === b.sha256 &&
    a.view === b.view &&
    a.path === b.path &&
    a.split === b.split &&
    a.group === b.group &&
    a.weight === b.weight &&
    a.labels.length === b.labels.length &&
    a.labels.every((label, i) => label === b.labels[i])
  );
}

/** The rows with a weight each, if any has one: a store has that column in all its parts or in none. */
export function evenlyWeighted(rows: readonly RowRecord[]): RowRecord[] {
  if (rows.every(({ weight }) => weight === undefined)) return [...rows];
  return rows.map((row) => ({ ...row, weight: row.weight ?? 1 }));
}

/** Reads a part of a store; the one read last stays in memory. */
export type PartReader = (manifest: StoreManifest, entry: PartEntry) => Promise<StorePart>;

/** What it reads is valid until another part is read. */
export function partReader(dir: string): PartReader {
  const memory = sharedMemory();
  let last: StorePart | undefined;
  return async (manifest, entry) => {
    if (last?.entry !== entry) last = await readPart(dir, manifest, entry, memory);
    return last;
  };
}

/**
 * Copies the features of `rows` together, reading each part that holds some of them once.
 * Parts are visited in their order, so that rows in about the same order read about one part for each they fill.
 * @param source the parts that have them, and where each content is
 * @param buffer where to; what it holds is forgotten
 */
export async function gather(
  rows: RowRecord[],
  { manifest, read, contents }: { manifest: StoreManifest; read: PartReader; contents: ContentIndex },
  buffer: PartBuffer,
): Promise<PartRows> {
  const wanted = new Map<string, { target: number; row: number }[]>();
  for (const [target, record] of rows.entries()) {
    const { part, row } = contents.place(record)!;
    const sharing = wanted.get(part);
    if (sharing) sharing.push({ target, row });
    else wanted.set(part, [{ target, row }]);
  }
  buffer.clear();
  for (const entry of manifest.parts) {
    const copies = wanted.get(entry.file);
    if (!copies) continue;
    const { features, phashes } = await read(manifest, entry);
    for (const { target, row } of copies) {
      const vectors = manifest.columns.map(({ name, dimension }) =>
        features.get(name)!.subarray(row * dimension, (row + 1) * dimension),
      );
      buffer.put(target, rows[target], phashes[row], vectors);
    }
  }
  return buffer.rows();
}
