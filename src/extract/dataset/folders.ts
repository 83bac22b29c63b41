/** Images labelled by the folders that they lie in, on disk, in an archive, of a glob or of a list. */
import { extname } from 'node:path';
import { InputError } from '../../shared/errors.ts';
import { hasImageExtension } from '../../shared/images/formats.ts';
import { hasManifestExtension } from '../../shared/manifest/rows.ts';
import { splitNamed } from '../../shared/manifest/splits.ts';
import { counted, plural } from '../../shared/plural.ts';
import { type ImageFolder, imageFolders } from './image-folder.ts';
import type { DatasetImage, Images } from './layout.ts';
import { findLevels, type Section } from './levels.ts';
import { IN_CLASS_FOLDERS, LAYOUT } from './levels-message.ts';
import type { Tree } from './tree.ts';

export interface FolderOptions {
  /** Which folder below the root names the class, from 1; default: found from the folders' names. */
  labelLevel?: number;
}

/** What the folders of an image say about it, or undefined where it lies outside the class folders. */
type Labelling = (path: string) => Pick<DatasetImage, 'labels' | 'split'> | undefined;

/**
 * The images of root/class/..., root/split/class/... or root/class/split/..., at any depth below the class.
 * The order is that of the paths' code units.
 * @throws InputError when no image lies in a class folder, or classes cannot be told from other folders
 */
export function readFolders(tree: Tree, { labelLevel }: FolderOptions = {}): Images {
  const paths = tree.files.filter(hasImageExtension);
  const root = imageFolders(tree.name, paths);
  const { labelling, notes, base } = labellingOf(root, labelLevel);
  const { images, outside } = labelImages(paths, labelling);
  if (images.length === 0)
    throw new InputError(`${LAYOUT} in ${tree.name} but found ${nothingIn(tree, root.total, labelLevel)}`);
  return {
    images,
    notes: [
      ...manifestNote(tree),
      ...notes,
      ...emptyClasses(tree, base, root),
      ...outside,
      ...passedOverNotes(tree),
    ],
  };
}

/** Labels by the levels that the folders below `top` show, or by the level that the user named. */
export function labellingOf(
  top: ImageFolder,
  labelLevel: number | undefined,
): { labelling: Labelling; notes: string[]; base: string[] } {
  if (labelLevel !== undefined) return { labelling: labelAt(top.path, labelLevel), notes: [], base: [] };
  const { sections, notes } = findLevels(top);
  const base = [...sections].filter(([, { label }]) => label === undefined).map(([path]) => path);
  return { labelling: bySection(sections), notes, base };
}

/** The images that have a label, in their order, and a note on those that lie outside. */
export function labelImages(
  paths: readonly string[],
  labelling: Labelling,
): { images: DatasetImage[]; outside: string[] } {
  const images: DatasetImage[] = [];
  const outside: string[] = [];
  for (const path of paths) {
    const found = labelling(path);
    if (found) images.push({ path, ...found, group: null });
    else outside.push(folderOf(path) === '' ? 'on top' : JSON.stringify(folderOf(path)));
  }
  if (outside.length === 0) return { images, outside };
  const note = `${counted(outside.length, 'image')} outside the class folders ${plural(outside.length, 'was', 'were')} skipped: ${tally(outside)}`;
  return { images, outside: [note] };
}

function bySection(sections: ReadonlyMap<string, Section>): Labelling {
  return (path) => {
    for (let end = path.lastIndexOf('/'); ; end = path.lastIndexOf('/', end - 1)) {
      const prefix = path.slice(0, end + 1);
      const section = sections.get(prefix);
      if (section) {
        const slash = path.indexOf('/', prefix.length);
        const label = section.label ?? (slash < 0 ? undefined : path.slice(prefix.length, slash));
        return label === undefined ? undefined : { labels: [label], split: section.split };
      }
      if (end <= 0) return undefined;
    }
  };
}

/** The N-th folder below `prefix` is the class; the first folder named like a split, above or below it, the split. */
function labelAt(prefix: string, level: number): Labelling {
  return (path) => {
    const folders = path.slice(prefix.length).split('/').slice(0, -1);
    const label = folders[level - 1];
    if (label === undefined) return undefined;
    const [split = null] = folders
      .filter((_, index) => index !== level - 1)
      .map(splitNamed)
      .filter((named) => named !== undefined);
    return { labels: [label], split };
  };
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}

/** Folders that would be classes but hold no image. */
function emptyClasses({ folders }: Tree, base: readonly string[], root: ImageFolder): string[] {
  return folders
    .filter((path) => base.includes(folderOf(path)) && !hasImages(root, path))
    .map((path) => `The class folder ${JSON.stringify(path)} has no images`);
}

function hasImages(root: ImageFolder, path: string): boolean {
  let folder: ImageFolder | undefined = root;
  for (const name of path.split('/')) folder = folder?.folders.get(name);
  return folder !== undefined;
}

/** The first few, and how many more there are. */
function cut(items: readonly string[], max = 4): string {
  const more = items.length > max ? ` and ${items.length - max} more` : '';
  return `${items.slice(0, max).join(', ')}${more}`;
}

function tally(items: Iterable<string>): string {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return cut([...counts].map(([item, count]) => (count === 1 ? item : `${item} (${count})`)));
}

/** What is no image by its name, hidden or the system's. */
export function passedOverNotes({
  files,
  ignored,
  links,
}: Pick<Tree, 'files' | 'ignored' | 'links'>): string[] {
  const others = files.filter((path) => !hasImageExtension(path));
  const notes: string[] = [];
  if (others.length > 0) {
    const endings = tally(others.map((path) => extname(path).toLowerCase() || 'no extension'));
    notes.push(
      `${counted(others.length, 'file')} that ${plural(others.length, 'is no image', 'are no images')} by name ${plural(others.length, 'was', 'were')} skipped: ${endings}`,
    );
  }
  const hidden = ignored.filter((path) => path.endsWith('/') || hasImageExtension(path));
  if (hidden.length > 0) {
    const names = tally(
      hidden.map((path) => JSON.stringify(path.slice(path.lastIndexOf('/', path.length - 2) + 1))),
    );
    notes.push(`Hidden and system files and folders, pipes and devices were skipped: ${names}`);
  }
  if (links > 0)
    notes.push(`${counted(links, 'link')} ${plural(links, 'was', 'were')} skipped (--follow follows them)`);
  return notes;
}

/** Manifests on top of a folder or an archive. */
export function manifestsIn(files: readonly string[]): string[] {
  return files.filter((path) => !path.includes('/') && hasManifestExtension(path));
}

/** Labels may stand in a file beside the folders. */
function manifestNote({ files }: Tree): string[] {
  const manifests = manifestsIn(files);
  if (manifests.length === 0) return [];
  return [
    `Labels are names of folders; not read ${plural(manifests.length, 'was', 'were')} ${cut(manifests)} (as --data, a manifest gives its own)`,
  ];
}

function nothingIn({ files, folders }: Tree, images: number, labelLevel: number | undefined): string {
  if (images > 0) {
    const where =
      labelLevel === undefined ? 'in no class folder' : `less than ${counted(labelLevel, 'folder')} deep`;
    const manifests = manifestsIn(files);
    const list = manifests.length > 0 ? ` (or give ${cut(manifests)} as --data, if it holds the labels)` : '';
    return `${counted(images, 'image')} ${where}. ${IN_CLASS_FOLDERS}${list}`;
  }
  const top = folders.filter((path) => !path.includes('/')).length;
  if (top > 0) return `no image in its ${counted(top, 'folder')}`;
  return files.length > 0 ? `${counted(files.length, 'file')}, none of them an image` : 'an empty folder';
}
