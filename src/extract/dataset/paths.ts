/** Bare lists of images, from a glob or from stdin: the folder an image lies in is its label. */
import { isAbsolute, relative, resolve, sep } from 'node:path';
import type { Readable } from 'node:stream';
import { expectedMessage, InputError, unexpected } from '../../shared/errors.ts';
import { hasImageExtension } from '../../shared/images/formats.ts';
import type { FileNames } from '../../shared/images/names.ts';
import { keptName } from '../../shared/manifest/labels.ts';
import { readLines } from '../../shared/manifest/lines.ts';
import { hasManifestExtension } from '../../shared/manifest/rows.ts';
import { counted } from '../../shared/plural.ts';
import { labelImages, labellingOf, passedOverNotes } from './folders.ts';
import { imageFolders } from './image-folder.ts';
import type { Images } from './layout.ts';
import { isTable } from './table.ts';
import { withoutIgnored } from './tree.ts';

/**
 * A path as it is stored: relative to `root`, with forward slashes.
 * @throws InputError for one that leads out of `root`
 */
function pathInside(root: string, path: string, where: string): string {
  const inside = relative(root, resolve(root, path));
  if (
    path.includes('\0') ||
    inside === '' ||
    inside === '..' ||
    inside.startsWith(`..${sep}`) ||
    isAbsolute(inside)
  ) {
    throw new InputError(
      expectedMessage(`a path inside ${root} (--root says what paths are relative to)`, where, path),
    );
  }
  return inside.split(sep).join('/');
}

/** What a list of paths leads to. */
export interface Listed {
  /** Files that are there under another name than their paths say: in another Unicode form. */
  found: Map<string, string>;
}

/** Paths that lead to a file as they are, or nowhere. */
const PLAIN = /^[ -[\]-~]*$/;

/**
 * The path of a dataset that someone wrote into a list. Backslashes separate folders unless there is a file of that very
 * name. A file whose name is there in another Unicode form only is noted in `found`.
 * @throws InputError for a path that leads out of `root`, or lost letters
 */
export async function placed(
  written: string,
  where: string,
  { root, names, found }: { root: string; names: FileNames } & Listed,
): Promise<string> {
  const path = pathInside(root, written, where);
  if (PLAIN.test(path)) return path;
  keptName(path, where);
  const forward = pathInside(root, written.replaceAll('\\', '/'), where);
  for (const candidate of new Set([path, forward])) {
    const file = await names.find(candidate);
    if (file === undefined) continue;
    if (file !== candidate) found.set(candidate, file);
    return candidate;
  }
  return forward;
}

/** Whether `text` is a glob rather than a path. */
export function isGlob(text: string): boolean {
  return /[*?{[]/.test(text);
}

/** The files that a glob matches, relative to `root` and in code-unit order. */
export async function globFiles(pattern: string, root: string, follow: boolean): Promise<string[]> {
  const { glob } = await import('tinyglobby');
  const files = await glob(pattern, { cwd: root, followSymbolicLinks: follow, expandDirectories: false });
  return files.map((file) => pathInside(root, file, `--data ${pattern}`)).sort();
}

/** The images that a glob matches, in code-unit order. Names that start with a dot are skipped. */
export async function readGlob(
  pattern: string,
  root: string,
  { follow, labelLevel }: { follow: boolean; labelLevel?: number },
): Promise<Images> {
  const paths = await globFiles(pattern, root, follow);
  const prefix = pathInside(root, `${globPrefix(pattern)}x`, `--data ${pattern}`).slice(0, -1);
  const { visible, ignored } = withoutIgnored(paths, prefix);
  const found = visible.filter(hasImageExtension);
  if (found.length === 0) {
    const none = `${counted(paths.length, 'file')}, none of them an image${globAdvice(visible)}`;
    throw new InputError(
      `Expected images for --data ${pattern} but found ${paths.length === 0 ? 'no file' : none}`,
    );
  }
  const { images, notes } = labelled(`--data ${pattern}`, found, prefix, labelLevel);
  return { images, notes: [...notes, ...passedOverNotes({ files: visible, ignored, links: 0 })] };
}

/** What to give in place of a glob that matches manifests, or tables by something else than their endings. */
function globAdvice(files: readonly string[]): string {
  if (files.some(isTable)) return '. A glob of tables ends in .parquet, .arrow or .feather';
  if (files.some(hasManifestExtension)) return '. Manifests are read one at a time: give one file';
  return '';
}

/** What a glob begins with before anything in it varies, up to the last slash. */
function globPrefix(pattern: string): string {
  return pattern.slice(0, pattern.search(/[*?{[]/)).replace(/[^/]*$/, '');
}

/**
 * The images listed on a stream, one path a line, in their order; a file that is there twice counts once.
 * Paths are taken for images whatever their names.
 */
export async function readList(
  stream: Readable,
  {
    root,
    names,
    encoding,
    labelLevel,
  }: { root: string; names: FileNames; encoding?: string; labelLevel?: number },
): Promise<Images & Listed> {
  const paths = new Map<string, string>();
  const found = new Map<string, string>();
  const decoding: string[] = [];
  let line = 0;
  const warn = (note: string) => void decoding.push(note);
  for await (const text of readLines('stdin', stream, { encoding, warn })) {
    line++;
    if (text === '') continue;
    const path = await placed(text, `line ${line} of stdin`, { root, names, found });
    const file = found.get(path) ?? path;
    if (!paths.has(file)) paths.set(file, path);
  }
  if (paths.size === 0) throw new InputError('Expected paths of images on stdin, one a line, but found none');
  const listed = [...paths.values()];
  const prefix = commonFolder(listed);
  const { visible, ignored } = withoutIgnored(listed, prefix);
  const { images, notes } = labelled('--data -', visible, prefix, labelLevel);
  const passedOver = passedOverNotes({ files: [], ignored, links: 0 });
  return { images, notes: [...decoding, ...notes, ...passedOver], found };
}

/** The folder that all paths lie in, with a slash behind it, or nothing. */
function commonFolder(paths: Iterable<string>): string {
  let common: string | undefined;
  for (const path of paths) {
    common ??= path;
    let end = Math.min(common.length, path.length);
    while (!path.startsWith(common.slice(0, end))) end--;
    common = common.slice(0, end);
  }
  return common!.slice(0, common!.lastIndexOf('/') + 1);
}

/**
 * Labels as a folder's images are labelled, where the folder is the one that the paths have in common. Where images
 * lie right inside it, it is a class itself: its parent is then read.
 */
function labelled(
  name: string,
  paths: readonly string[],
  prefix: string,
  labelLevel: number | undefined,
): Images {
  let top = imageFolders(name, paths);
  for (const folder of prefix.split('/')) top = top.folders.get(folder) ?? top;
  if (top.images > 0 && top.parent) top = top.parent;
  if (top.total === top.images)
    return { images: paths.map((path) => ({ path, labels: [], split: null, group: null })), notes: [] };
  const { labelling, notes } = labellingOf(top, labelLevel);
  const { images, outside } = labelImages(paths, labelling);
  if (images.length === 0)
    throw unexpected(
      `images in class folders below ${JSON.stringify(top.path)}`,
      name,
      `${counted(paths.length, 'image')} in none`,
    );
  const where = top.path === '' ? 'the working folder' : JSON.stringify(top.path);
  return { images, notes: [`Labels are names of folders in ${where}`, ...notes, ...outside] };
}
