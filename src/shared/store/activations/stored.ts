/** The parts of cached activations that are there and as they were written. */
import type { Stats } from 'node:fs';
import { join } from 'node:path';
import { InputError, messageOf, unexpected } from '../../errors.ts';
import { ownMemory, type PartMemory, readChecked, sharedMemory } from '../checked-file.ts';
import type { PartEntry } from '../schema.ts';
import { damagedActivations } from './files.ts';
import { decodeActivations } from './part.ts';
import type { ActivationLayout, ActivationPart, ActivationsRequest, VerifiedFile } from './request.ts';
import { packParts } from './row-index.ts';
import { type ActivationManifest, layoutOf } from './schema.ts';

/** A part whose checksum was compared. */
export interface StoredPart extends ActivationPart {
  readonly entry: PartEntry;
  readonly bytes: VerifiedFile;
  /** [rows, 32] bytes. */
  readonly sha256: Uint8Array;
  readonly views: Int16Array;
}

/**
 * Reads all parts of a folder and compares them with their checksums. Parts that are missing or damaged are left out, with a
 * message for each, so that what they held can be computed again.
 */
export async function readStored(
  dir: string,
  manifest: ActivationManifest,
): Promise<{ parts: StoredPart[]; damaged: PartEntry[]; damage: string[] }> {
  const parts: StoredPart[] = [];
  const damaged: PartEntry[] = [];
  const damage: string[] = [];
  const memory = sharedMemory();
  for (const entry of manifest.parts) {
    try {
      parts.push(await readStoredPart(dir, entry, layoutOf(manifest), memory));
    } catch (thrown) {
      if (!(thrown instanceof InputError)) throw thrown;
      damaged.push(entry);
      damage.push(messageOf(thrown));
    }
  }
  return { parts, damaged, damage };
}

/** Reads one part. @throws InputError naming the file and what differs from its entry */
export async function readStoredPart(
  dir: string,
  entry: PartEntry,
  layout: ActivationLayout,
  memory: PartMemory,
): Promise<StoredPart> {
  const path = join(dir, entry.file);
  let file: VerifiedFile | undefined;
  const seen = ({ size, mtimeMs, ino }: Stats): void => {
    file = { path, size, mtimeMs, ino };
  };
  const bytes = await readChecked(path, entry, { memory, damaged: damagedActivations, seen });
  const { rows, sha256, views, offsets } = decodeActivations(bytes, layout, path);
  if (rows !== entry.rows) throw unexpected(`${entry.rows} rows`, path, rows);
  return { entry, rows, bytes: file!, offsets, sha256, views };
}

/** The path of each row of a part. @throws as readStoredPart does */
export async function readPaths(dir: string, entry: PartEntry, layout: ActivationLayout): Promise<string[]> {
  const path = join(dir, entry.file);
  const bytes = await readChecked(path, entry, { memory: ownMemory, damaged: damagedActivations });
  return decodeActivations(bytes, layout, path).paths();
}

/** What a reader of these parts is opened with; of a row that is in several, the first counts. */
export function requestOf(layout: ActivationLayout, parts: readonly StoredPart[]): ActivationsRequest {
  const places = parts.map(({ rows, bytes, offsets }) => ({ rows, bytes, offsets }));
  return { ...layout, parts: places, ...packParts(parts) };
}
