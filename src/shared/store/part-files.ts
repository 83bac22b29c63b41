/** The part files in a store's folder: new ones get the next number. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { disk, diskError, writeDurably } from './files.ts';
import { PART_FILE, type PartEntry } from './schema.ts';

export interface PartFiles {
  /**
   * Writes a part of so many rows, given in pieces.
   * @param name default: the next number
   */
  write(rows: number, pieces: readonly Uint8Array[], name?: string): Promise<PartEntry>;
  /** Removes all other parts. */
  keepOnly(entries: readonly PartEntry[]): Promise<void>;
}

/**
 * @param guard called before a part is written; what it throws ends the writing
 * @param taken parts whose names are taken; default: all files that are there
 */
export async function openPartFiles(
  dir: string,
  guard: () => Promise<void>,
  taken?: readonly string[],
): Promise<PartFiles> {
  const present = await partFilesIn(dir);
  // Not as arguments of one call: a store of hundred thousand parts has too many.
  let nextPart = (taken ?? present).reduce((next, file) => Math.max(next, partNumber(file) + 1), 0);
  return {
    async write(rows, pieces, name) {
      await guard();
      const file = name ?? `part-${String(nextPart++).padStart(5, '0')}.arrow`;
      await writeDurably(join(dir, file), pieces);
      const sha256 = createHash('sha256');
      for (const piece of pieces) sha256.update(piece);
      const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
      return { file, rows, bytes, sha256: sha256.digest('hex') };
    },
    async keepOnly(entries) {
      const kept = new Set(entries.map(({ file }) => file));
      for (const file of await partFilesIn(dir)) {
        if (!kept.has(file)) await disk.rm(join(dir, file), { force: true });
      }
    },
  };
}

/** 12 of `part-00012.arrow`. */
export function partNumber(file: string): number {
  return Number.parseInt(file.slice('part-'.length), 10);
}

/** Part files in a store's folder, listed in the manifest or not; unfinished ones (.tmp) are removed. */
async function partFilesIn(dir: string): Promise<string[]> {
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
