/** Class folders: each folder's name is the label of every image below it. */
import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../../shared/errors.ts';
import { hasImageExtension } from '../../shared/images/formats.ts';
import type { Split } from '../../shared/store/schema.ts';
import { type DatasetImage, type Listing, SPLIT_NAMES } from './layout.ts';

const LAYOUT =
  'Expected class folders (<folder>/<class>/image.jpg, or <folder>/train/<class>/image.jpg with val and test beside train)';

/**
 * Lists the images of `root`/class/... or `root`/train|val|validation|test/class/..., at any depth below the class.
 * The order is that of the paths' code units. Hidden files and folders are passed over; links are followed.
 * @throws InputError when no image lies in a class folder
 */
export async function readFolders(root: string): Promise<Omit<Listing, 'classes'>> {
  const top = await list(root);
  const parts = await splitFolders(root, top);
  const images: DatasetImage[] = [];
  const notes: string[] = [];
  let outside = 0;
  let others = 0;

  for (const part of parts ?? [{ folder: '', split: null }]) {
    const inside = part.folder === '' ? top : await list(join(root, part.folder));
    if (parts) outside += inside.files.filter(hasImageExtension).length;
    for (const label of inside.folders) {
      const folder = part.folder === '' ? label : `${part.folder}/${label}`;
      const files = await walk(root, folder);
      const own = files.filter(hasImageExtension);
      others += files.length - own.length;
      if (own.length === 0) notes.push(`The class folder ${JSON.stringify(folder)} holds no image`);
      for (const path of own) {
        images.push({ path, file: join(root, path), labels: [label], split: part.split });
      }
    }
  }

  outside += top.files.filter(hasImageExtension).length;
  if (images.length === 0) throw new InputError(`${LAYOUT} in ${root} but found ${found(top, outside)}`);
  if (outside > 0) notes.push(`${outside} image(s) outside the class folders were passed over`);
  if (others > 0) notes.push(`${others} file(s) that are no images by name were passed over`);
  images.sort((a, b) => (a.path < b.path ? -1 : 1));
  return { images, notes };
}

function found(top: Entries, outside: number): string {
  if (outside > 0) {
    return (
      `${outside} image(s) in no class folder. ` +
      'Put each into a folder named after its class, or list them with their labels in a .csv manifest (columns: path,label)'
    );
  }
  if (top.folders.length > 0) return `no image in its ${top.folders.length} folder(s)`;
  return top.files.length > 0 ? `${top.files.length} file(s), none of them an image` : 'an empty folder';
}

/** The folders of a train/val/test layout, or undefined where the top folders are classes. */
async function splitFolders(
  root: string,
  top: Entries,
): Promise<{ folder: string; split: Split }[] | undefined> {
  const parts: { folder: string; split: Split }[] = [];
  let classFolders = 0;
  for (const folder of top.folders) {
    const split = SPLIT_NAMES.get(folder.toLowerCase());
    if (!split) return undefined;
    parts.push({ folder, split });
    classFolders += (await list(join(root, folder))).folders.length;
  }
  // Images right inside `train` make it a class of that name.
  return classFolders > 0 ? parts : undefined;
}

/** Names in a folder, sorted, without hidden ones. */
interface Entries {
  folders: string[];
  files: string[];
}

async function list(folder: string): Promise<Entries> {
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

/** Paths of all files below `folder`, relative to `root`; `above` holds the real folders on the way down. */
async function walk(root: string, folder: string, above: ReadonlySet<string> = new Set()): Promise<string[]> {
  const real = await realpath(join(root, folder));
  if (above.has(real))
    throw new InputError(`Expected a folder tree but ${join(root, folder)} links back to a folder above it`);
  const { folders, files } = await list(real);
  const paths = files.map((name) => `${folder}/${name}`);
  const inside = new Set(above).add(real);
  for (const name of folders) paths.push(...(await walk(root, `${folder}/${name}`, inside)));
  return paths;
}
