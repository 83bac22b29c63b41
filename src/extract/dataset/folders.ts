/** Class folders: each folder's name is the label of every image below it. */
import { InputError } from '../../shared/errors.ts';
import { hasImageExtension } from '../../shared/images/formats.ts';
import { SPLIT_NAMES } from '../../shared/manifest/read.ts';
import type { Split } from '../../shared/store/schema.ts';
import type { DatasetImage, Images } from './layout.ts';
import type { Tree } from './tree.ts';

const LAYOUT =
  'Expected class folders (<folder>/<class>/image.jpg, or <folder>/train/<class>/image.jpg with val and test beside train)';

/** A folder whose folders are classes. */
interface PartFolder {
  /** Its path with a slash behind it, or nothing for the root. */
  prefix: string;
  split: Split | null;
}

/**
 * Finds the images of root/class/... or root/train|val|validation|test/class/..., at any depth below the class.
 * The order is that of the paths' code units.
 * @throws InputError when no image lies in a class folder
 */
export function readFolders(tree: Tree): Images {
  const parts = partFolders(tree) ?? [{ prefix: '', split: null }];
  const images: DatasetImage[] = [];
  const notes: string[] = [];
  const filled = new Set<string>();
  let outside = 0;
  let others = 0;
  for (const path of tree.files) {
    const part = parts.find(({ prefix }) => path.startsWith(prefix));
    const inside = part ? path.slice(part.prefix.length) : '';
    const slash = inside.indexOf('/');
    const isImage = hasImageExtension(path);
    if (!part || slash < 0) {
      if (isImage) outside++;
    } else if (!isImage) others++;
    else {
      const label = inside.slice(0, slash);
      filled.add(part.prefix + label);
      images.push({ path, labels: [label], split: part.split, group: null });
    }
  }
  if (images.length === 0)
    throw new InputError(`${LAYOUT} in ${tree.name} but found ${found(tree, outside)}`);
  for (const folder of classFolders(tree, parts)) {
    if (!filled.has(folder)) notes.push(`The class folder ${JSON.stringify(folder)} holds no image`);
  }
  if (outside > 0) notes.push(`${outside} image(s) outside the class folders were passed over`);
  if (others > 0) notes.push(`${others} file(s) that are no images by name were passed over`);
  return { images, notes };
}

/** Folders right below `prefix`. */
function foldersIn({ folders }: Tree, prefix: string): string[] {
  return folders.filter((path) => path.startsWith(prefix) && !path.includes('/', prefix.length));
}

function classFolders(tree: Tree, parts: readonly PartFolder[]): string[] {
  return parts.flatMap(({ prefix }) => foldersIn(tree, prefix));
}

function found(tree: Tree, outside: number): string {
  if (outside > 0) {
    return (
      `${outside} image(s) in no class folder. ` +
      'Put each into a folder named after its class, or list them with their labels in a .csv manifest (columns: path,label)'
    );
  }
  const folders = foldersIn(tree, '').length;
  if (folders > 0) return `no image in its ${folders} folder(s)`;
  return tree.files.length > 0 ? `${tree.files.length} file(s), none of them an image` : 'an empty folder';
}

/** The folders of a train/val/test layout, or undefined where the top folders are classes. */
function partFolders(tree: Tree): PartFolder[] | undefined {
  const parts = foldersIn(tree, '').map((folder) => ({
    prefix: `${folder}/`,
    split: SPLIT_NAMES.get(folder.toLowerCase()),
  }));
  const named = parts.filter((part): part is { prefix: string; split: Split } => part.split !== undefined);
  // Images right inside `train` make it a class of that name.
  return named.length === parts.length && classFolders(tree, named).length > 0 ? named : undefined;
}
