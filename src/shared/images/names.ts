/**
 * Names of files as they are on disk: a name that was typed, listed or unpacked elsewhere may be composed of other
 * characters (é is one or two, NFC or NFD), which Linux takes for another name.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, isAbsolute, join, relative, resolve } from 'node:path';
import { hasImageExtension } from './formats.ts';

/** Looks up paths (with forward slashes) among the names that there are. */
export interface FileNames {
  /** The path by which a file exists, in whatever Unicode form; undefined where there is none. */
  find(path: string): Promise<string | undefined>;
  /** Images that may be meant by a path that does not exist: in another case, or with another extension. */
  near(path: string): Promise<string[]>;
}

interface Folder {
  names: ReadonlySet<string>;
  /** By their composed form. */
  composed: ReadonlyMap<string, string>;
  /** By their composed form in lower case, with and without extension. */
  folded: ReadonlyMap<string, string[]>;
}

/** @param list the names in a folder, given by its path with forward slashes, empty for the root */
function fileNames(list: (folder: string) => Promise<readonly string[]>): FileNames {
  const folders = new Map<string, Promise<Folder>>();
  const folderAt = (path: string): Promise<Folder> => {
    const existing = folders.get(path) ?? list(path).then(folderOf);
    folders.set(path, existing);
    return existing;
  };
  const walk = async (path: string, lookUp: (folder: Folder, name: string) => string | undefined) => {
    let found = '';
    for (const name of path === '' ? [] : path.split('/')) {
      const next = lookUp(await folderAt(found), name);
      if (next === undefined) return undefined;
      found = found === '' ? next : `${found}/${next}`;
    }
    return found;
  };
  return {
    find: (path) => walk(path, same),
    async near(path) {
      const end = path.lastIndexOf('/');
      const [above, name] = [path.slice(0, Math.max(0, end)), path.slice(end + 1)];
      const folder = await walk(
        above,
        (there, one) => same(there, one) ?? there.folded.get(folded(one))?.[0],
      );
      if (folder === undefined) return [];
      const there = await folderAt(folder);
      const found = there.folded.get(folded(name)) ?? there.folded.get(folded(stemOf(name))) ?? [];
      return found.filter(hasImageExtension).map((one) => (folder === '' ? one : `${folder}/${one}`));
    },
  };
}

/** Names below a folder on disk; one that cannot be listed has none. */
export function namesBelow(root: string): FileNames {
  return fileNames((folder) => readdir(join(root, folder)).catch(() => []));
}

/** Names among paths that are known. */
export function namesAmong(paths: readonly string[]): FileNames {
  const folders = new Map<string, Set<string>>();
  for (const path of paths) {
    for (let end = path.length; end > 0; ) {
      const start = path.lastIndexOf('/', end - 1);
      const folder = path.slice(0, Math.max(0, start));
      const names = folders.get(folder) ?? new Set();
      folders.set(folder, names.add(path.slice(start + 1, end)));
      end = start;
    }
  }
  return fileNames(async (folder) => [...(folders.get(folder) ?? [])]);
}

function folderOf(names: readonly string[]): Folder {
  const all = new Map<string, string[]>();
  for (const name of names) {
    for (const key of new Set([folded(name), folded(stemOf(name))])) {
      const existing = all.get(key);
      if (existing) existing.push(name);
      else all.set(key, [name]);
    }
  }
  return {
    names: new Set(names),
    composed: new Map(names.map((name) => [name.normalize('NFC'), name])),
    folded: all,
  };
}

function same({ names, composed }: Folder, name: string): string | undefined {
  return names.has(name) ? name : composed.get(name.normalize('NFC'));
}

function folded(name: string): string {
  return name.normalize('NFC').toLowerCase();
}

function stemOf(name: string): string {
  return name.slice(0, name.length - extname(name).length);
}

const ASCII = /^[ -~]*$/;

/** The path by which a file exists: the given one, or its other Unicode form; undefined where there is neither. */
export async function findFile(path: string): Promise<string | undefined> {
  if (await stat(path).catch(() => undefined)) return path;
  const above = dirname(path);
  if (ASCII.test(path) || above === path) return undefined;
  const folder = await findFile(above);
  if (folder === undefined) return undefined;
  const name = same(folderOf(await readdir(folder).catch(() => [])), basename(path));
  return name === undefined ? undefined : join(folder, name);
}

/** The bytes of a file, whose name may be there in its other Unicode form. */
export async function readNamedFile(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (thrown) {
    const file = ASCII.test(path) ? undefined : await findFile(path);
    if (file === undefined || file === path) throw thrown;
    return readFile(file);
  }
}

/** The file of a path (with forward slashes) below a folder; undefined where it leads out of it. */
export function fileInside(folder: string, path: string): string | undefined {
  const file = resolve(folder, path);
  const inside = relative(folder, file);
  return inside.startsWith('..') || isAbsolute(inside) ? undefined : file;
}
