/** What is said where folders can be read in several ways. */
import { InputError } from '../../shared/errors.ts';
import { SPLIT_FORMS } from '../../shared/manifest/splits.ts';
import type { ImageFolder } from './image-folder.ts';

export const LAYOUT =
  'Expected class folders (<folder>/<class>/image.jpg, or <folder>/train/<class>/image.jpg with val and test beside train)';

export const IN_CLASS_FOLDERS =
  'Put each into a folder named after its class, or list them with their labels in a .csv manifest (columns: path,label)';

const LABEL_LEVEL =
  'say with --label-level which folder names the class: 1 for the first below --data, 2 for the second';

/** What settles it. */
const ADVICE = {
  folders: `Put the images there into class folders, list them in a manifest, or ${LABEL_LEVEL}`,
  level: `Give the folder that holds the classes as --data, or ${LABEL_LEVEL}`,
  several: `Give one of them as --data, or ${LABEL_LEVEL}`,
  beside: `Move folders that are not classes elsewhere, name splits ${SPLIT_FORMS}, or ${LABEL_LEVEL}`,
} as const;

/** The error for folders whose classes cannot be told. */
export function refuseLevels(folder: ImageFolder, found: string, advice: keyof typeof ADVICE): InputError {
  let root = folder;
  while (root.parent) root = root.parent;
  const below = folder === root ? '' : ` (${JSON.stringify(folder.path)})`;
  return new InputError(
    `Expected folders that name classes in ${root.name}${below} but found ${found}. ${ADVICE[advice]}`,
  );
}

/** Folders by name with the number of their images: `"a" (3 images), "b" (1 image) and 7 more`. */
export function listFolders(folders: readonly ImageFolder[], max = 5): string {
  const shown = folders.slice(0, max).map(({ path, total }) => {
    return `${JSON.stringify(path.slice(0, -1))} (${total} ${total === 1 ? 'image' : 'images'})`;
  });
  const more = folders.length > max ? ` and ${folders.length - max} more` : '';
  return `${shown.join(', ')}${more}`;
}
