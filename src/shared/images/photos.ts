/** The photos of a store, where extract found them: a folder or an archive. */
import { stat } from 'node:fs/promises';
import { InputError } from '../errors.ts';
import { isArchive, openArchive } from './archive/open.ts';
import { fileInside, readNamedFile } from './names.ts';

/** Photos by the paths that a store has of them. */
export interface Photos {
  /** The bytes of a photo. Fails as reading a file does; with an InputError for a path that leads out of the folder. */
  read(path: string): Promise<Buffer>;
  close(): Promise<void>;
}

/**
 * @param paths of which some are looked for in an archive, whose entries may lie in a folder of their own
 * @returns undefined where there is nothing at `place`
 * @throws InputError for an archive that is damaged
 */
export async function openPhotos(place: string, paths: readonly string[]): Promise<Photos | undefined> {
  const found = await stat(place).catch(() => undefined);
  if (found?.isFile() && isArchive(place)) return archivedPhotos(place, paths);
  if (!found?.isDirectory()) return undefined;
  return {
    async read(path) {
      const file = fileInside(place, path);
      // A store from elsewhere may name any file.
      if (file === undefined) throw new InputError(`outside of ${place}`);
      return readNamedFile(file);
    },
    close: async () => {},
  };
}

async function archivedPhotos(file: string, paths: readonly string[]): Promise<Photos> {
  const { entries, read, close } = await openArchive(file);
  const prefix = prefixOf(entries, paths);
  return { read: (path) => read(prefix + path), close };
}

/** What the entries of an archive have before the paths of a data set: the one that most of its first paths have. */
function prefixOf(entries: readonly string[], paths: readonly string[]): string {
  const known = new Set(entries);
  const [first] = paths;
  const prefixes = entries
    .filter((entry) => entry === first || entry.endsWith(`/${first}`))
    .map((entry) => entry.slice(0, entry.length - first.length));
  const matches = (prefix: string) => paths.slice(0, 100).filter((path) => known.has(prefix + path)).length;
  return prefixes.reduce((best, prefix) => (matches(prefix) > matches(best) ? prefix : best), '');
}
