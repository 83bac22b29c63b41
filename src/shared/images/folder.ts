/** Walks folders of images in an order that is the same on every machine. */
import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../errors.ts';

/** What lies below a folder: paths relative to it, with forward slashes, in the order of their code units. */
export interface FolderTree {
  files: string[];
  folders: string[];
  /** Links that were passed over. */
  links: number;
}

/**
 * Lists everything at any depth in `folder`. Names that start with a dot are passed over. A link to nowhere counts as a
 * file, so that it shows up as an image that cannot be read.
 * @param follow whether links are followed or passed over
 * @throws InputError for a link back to a folder above it
 */
export async function walkTree(folder: string, { follow }: { follow: boolean }): Promise<FolderTree> {
  const tree: FolderTree = { files: [], folders: [], links: 0 };
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
    if (entry.name.startsWith('.')) continue;
    const path = `${prefix}${entry.name}`;
    if (!follow && entry.isSymbolicLink()) tree.links++;
    else if (await isFolder(real, entry)) {
      tree.folders.push(path);
      await walk(join(folder, entry.name), `${path}/`, inside, follow, tree);
    } else tree.files.push(path);
  }
}

async function isFolder(parent: string, entry: Dirent): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  return (await stat(join(parent, entry.name)).catch(() => undefined))?.isDirectory() ?? false;
}
