/** Walks folders of images in an order that is the same on every machine. */
import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../errors.ts';

/** Names in a folder, sorted, without hidden ones. */
export interface Entries {
  folders: string[];
  files: string[];
}

/** Lists a folder. Links are followed; names that start with a dot are passed over. */
export async function listFolder(folder: string): Promise<Entries> {
  const entries: Entries = { folders: [], files: [] };
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.name.startsWith('.')) continue;
    ((await isFolder(folder, entry)) ? entries.folders : entries.files).push(entry.name);
  }
  entries.folders.sort();
  entries.files.sort();
  return entries;
}

async function isFolder(parent: string, entry: Dirent): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  // A link to nowhere counts as a file, so that it shows up as an image that cannot be read.
  return (await stat(join(parent, entry.name)).catch(() => undefined))?.isDirectory() ?? false;
}

/**
 * Paths of all files at any depth in `folder`, relative to it, with forward slashes, in the order of their code units.
 * @throws InputError for a link back to a folder above it
 */
export async function walkFolder(folder: string): Promise<string[]> {
  return (await filesBelow(folder, '', new Set())).sort();
}

/** `above` holds the real folders on the way down. */
async function filesBelow(folder: string, prefix: string, above: ReadonlySet<string>): Promise<string[]> {
  const real = await realpath(folder);
  if (above.has(real))
    throw new InputError(`Expected a folder tree but ${folder} links back to a folder above it`);
  const { folders, files } = await listFolder(real);
  const paths = files.map((name) => `${prefix}${name}`);
  const inside = new Set(above).add(real);
  for (const name of folders)
    paths.push(...(await filesBelow(join(folder, name), `${prefix}${name}/`, inside)));
  return paths;
}
