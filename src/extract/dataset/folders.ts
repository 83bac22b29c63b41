/** Class folders: each folder's name is the label of every image below it. */
import { join } from 'node:path';
import { InputError } from '../../shared/errors.ts';
import { type Entries, listFolder, walkFolder } from '../../shared/images/folder.ts';
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
  const top = await listFolder(root);
  const parts = await splitFolders(root, top);
  const images: DatasetImage[] = [];
  const notes: string[] = [];
  let outside = 0;
  let others = 0;

  for (const part of parts ?? [{ folder: '', split: null }]) {
    const inside = part.folder === '' ? top : await listFolder(join(root, part.folder));
    if (parts) outside += inside.files.filter(hasImageExtension).length;
    for (const label of inside.folders) {
      const folder = part.folder === '' ? label : `${part.folder}/${label}`;
      const files = (await walkFolder(join(root, folder))).map((name) => `${folder}/${name}`);
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
    classFolders += (await listFolder(join(root, folder))).folders.length;
  }
  // Images right inside `train` make it a class of that name.
  return classFolders > 0 ? parts : undefined;
}
