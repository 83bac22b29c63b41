/** Walks folders of images in an order that is the same on every machine. */
import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expectedMessage, InputError } from '../errors.ts';

/** What lies below a folder: paths relative to it, with forward slashes, in the order of their code units. */
export interface FolderTree {
  files: string[];
  folders: string[];
  /** Hidden and system files and folders, pipes and devices, which were skipped; folders end with a slash. */
  ignored: string[];
  /** Links that were skipped. */
  links: number;
}

/** Folders that systems and devices put beside images: thumbnails, copies, what was deleted (lower case). */
const SYSTEM_FOLDERS: ReadonlySet<string> = new Set([
  '@eadir',
  '@__thumb',
  '#recycle',
  '@recycle',
  '#snapshot',
  '@recently-snapshot',
  '__macosx',
  '$recycle.bin',
  'system volume information',
  'lost+found',
]);

/** Whether a file or folder of this name is no part of a data set: hidden (`.thumbnails`) or the system's (`@eaDir`). */
export function isIgnored(name: string): boolean {
  return name.startsWith('.') || SYSTEM_FOLDERS.has(name.toLowerCase());
}

/**
 * Lists everything at any depth in `folder` but hidden and system files and folders. A link to nowhere counts as a
 * file, so that it shows up as an image that cannot be read.
 * @param follow whether links are followed or skipped
 * @throws InputError for a link back to a folder above it
 */
export async function walkTree(folder: string, { follow }: { follow: boolean }): Promise<FolderTree> {
  const tree: FolderTree = { files: [], folders: [], ignored: [], links: 0 };
  await walk(folder, '', new Set(), follow, tree);
  tree.files.sort();
  tree.folders.sort();
  return tree;
}

/** Paths of all files at any depth in `folder`, links followed. */
export async function walkFolder(folder: string): Promise<string[]> {
  return (await walkTree(folder, { follow: true })).files;
}

/** `above` holds the real folders on the way down. */
async function walk(
  folder: string,
  prefix: string,
  above: ReadonlySet<string>,
  follow: boolean,
  tree: FolderTree,
): Promise<void> {
  const real = await realpath(folder);
  if (above.has(real))
    throw new InputError(`Expected a folder tree but ${folder} links back to a folder above it`);
  const inside = new Set(above).add(real);
  for (const entry of await readdir(real, { withFileTypes: true })) {
    const path = `${prefix}${entry.name}`;
    if (isIgnored(entry.name)) tree.ignored.push(entry.isDirectory() ? `${path}/` : path);
    else if (!follow && entry.isSymbolicLink()) tree.links++;
    else {
      const kind = await kindOf(real, entry);
      if (kind === 'file') tree.files.push(path);
      else if (kind === 'other') tree.ignored.push(path);
      else {
        if (entry.name.includes('\ufffd')) await checkName(real, entry.name);
        tree.folders.push(path);
        await walk(join(folder, entry.name), `${path}/`, inside, follow, tree);
      }
    }
  }
}

/** A name that is no UTF-8 is read with loss, so that nothing is there by what is left of it. */
async function checkName(parent: string, name: string): Promise<void> {
  if (await stat(join(parent, name)).catch(() => undefined)) return;
  throw new InputError(
    `${expectedMessage('names in UTF-8', parent, name)}: rename it (convmv -f windows-1252 -t utf-8 does that)`,
  );
}

/** A link counts as what it leads to; reading a pipe or a device might never end. */
async function kindOf(parent: string, entry: Dirent): Promise<'file' | 'folder' | 'other'> {
  const target = entry.isSymbolicLink() ? await stat(join(parent, entry.name)).catch(() => undefined) : entry;
  if (!target || target.isFile()) return 'file';
  return target.isDirectory() ? 'folder' : 'other';
}
