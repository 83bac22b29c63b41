/** Files below one root: a folder on disk or an archive, which all layouts are read from alike. */
import { createReadStream } from 'node:fs';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { InputError, shown } from '../../shared/errors.ts';
import { isIgnored, walkTree } from '../../shared/images/folder.ts';
import { type FileNames, namesBelow, readNamedFile } from '../../shared/images/names.ts';
import type { ImageSource } from './layout.ts';

export interface Tree {
  /** What messages call it. */
  name: string;
  /** Paths of files relative to the root, with forward slashes, in code-unit order, without hidden ones. */
  files: string[];
  /** Paths of folders, likewise. */
  folders: string[];
  /** Hidden and system files and folders that were skipped; folders end with a slash. */
  ignored: string[];
  /** Links that were skipped. */
  links: number;
  source: ImageSource;
  /** A file's bytes as a stream, for manifests. */
  stream(path: string): Promise<Readable>;
}

interface FilesOptions {
  /** Whether they were found by looking. */
  listed?: boolean;
  /** Files whose names are not as their paths say. */
  found?: ReadonlyMap<string, string>;
  names?: FileNames;
}

/** Images that are files below `root`. */
export function filesBelow(
  root: string,
  { listed = false, found = new Map(), names = namesBelow(root) }: FilesOptions = {},
): ImageSource {
  const fileOf = (path: string) => join(root, found.get(path) ?? path);
  return {
    read: (path) => readNamedFile(fileOf(path)),
    fileOf,
    near: names.near,
    ...(listed && { folder: root }),
    close: async () => {},
  };
}

/** @throws InputError for a link back to a folder above it */
export async function folderTree(root: string, { follow }: { follow: boolean }): Promise<Tree> {
  return {
    name: root,
    ...(await walkTree(root, { follow })),
    source: filesBelow(root, { listed: true }),
    stream: async (path) => createReadStream(join(root, path)),
  };
}

/** Whether entries (paths below a folder) can be a whole dataset; the folder they lie in is named. */
type IsRoot = (paths: string[], folder: string) => boolean;

/**
 * The tree of an archive. A folder that everything else lies in is taken for the root, since archives are mostly made
 * of one folder.
 * @param entries paths with forward slashes
 */
export function archiveTree(
  name: string,
  entries: readonly string[],
  isRoot: IsRoot,
  { read, close }: Pick<ImageSource, 'read' | 'close'>,
): Tree {
  const { visible, ignored } = withoutIgnored(entries);
  // What is no UTF-8 would be one name for several files.
  const lossy = visible.find((path) => path.includes('\ufffd'));
  if (lossy !== undefined)
    throw new InputError(
      `Expected names in UTF-8 in ${basename(name)} but received ${shown(lossy)}: pack it again with names in UTF-8`,
    );
  const prefix = wrapper(visible, isRoot);
  const files = visible.map((path) => path.slice(prefix.length)).sort();
  const folders = new Set<string>();
  for (const path of files) {
    for (let end = path.indexOf('/'); end >= 0; end = path.indexOf('/', end + 1))
      folders.add(path.slice(0, end));
  }
  const readInside = (path: string) => read(prefix + path);
  return {
    name,
    files,
    folders: [...folders].sort(),
    ignored,
    links: 0,
    source: { read: readInside, close },
    stream: async (path) => Readable.from([await readInside(path)]),
  };
}

/**
 * Paths without those that are hidden or the system's below `prefix`, or lie in such a folder, which is named once.
 */
export function withoutIgnored(
  paths: readonly string[],
  prefix = '',
): { visible: string[]; ignored: string[] } {
  const ignored = new Set<string>();
  const visible = paths.filter((path) => {
    const names = path.slice(prefix.length).split('/');
    const index = names.findIndex(isIgnored);
    if (index < 0) return true;
    ignored.add(`${prefix}${names.slice(0, index + 1).join('/')}${index < names.length - 1 ? '/' : ''}`);
    return false;
  });
  return { visible, ignored: [...ignored] };
}

function wrapper(paths: readonly string[], isRoot: IsRoot): string {
  const [first] = paths;
  const end = first?.indexOf('/') ?? -1;
  if (end < 0) return '';
  const folder = first.slice(0, end + 1);
  if (!paths.every((path) => path.startsWith(folder))) return '';
  const inside = paths.map((path) => path.slice(folder.length));
  return isRoot(inside, folder.slice(0, -1)) ? folder + wrapper(inside, isRoot) : '';
}
