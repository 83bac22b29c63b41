/** Bare lists of images, from a glob or from stdin: the folder an image lies in is its label. */
import { isAbsolute, relative, resolve, sep } from 'node:path';
import type { Readable } from 'node:stream';
import { expectedMessage, InputError } from '../../shared/errors.ts';
import { hasImageExtension } from '../../shared/images/formats.ts';
import { readLines } from '../../shared/manifest/lines.ts';
import type { DatasetImage, Images } from './layout.ts';

/**
 * A path as it is stored: relative to `root`, with forward slashes.
 * @throws InputError for one that leads out of `root`
 */
export function pathInside(root: string, path: string, where: string): string {
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

/** Whether `text` is a glob rather than a path. */
export function isGlob(text: string): boolean {
  return /[*?{[]/.test(text);
}

/** The images that a glob matches, in code-unit order. Names that start with a dot are passed over. */
export async function readGlob(pattern: string, root: string, follow: boolean): Promise<Images> {
  const { glob } = await import('tinyglobby');
  const files = await glob(pattern, { cwd: root, followSymbolicLinks: follow, expandDirectories: false });
  const paths = files.map((file) => pathInside(root, file, `--data ${pattern}`)).sort();
  const images = paths.filter(hasImageExtension).map(labelled);
  if (images.length === 0) {
    throw new InputError(
      `Expected images for --data ${pattern} but found ${paths.length} file(s), none of them one`,
    );
  }
  return { images, notes: [LABEL_NOTE, ...passedOver(paths.length - images.length)] };
}

/**
 * The images listed on a stream, one path a line, in their order; a line that is there twice counts once.
 * Paths are taken for images whatever their names.
 */
export async function readList(stream: Readable, root: string): Promise<Images> {
  const paths = new Set<string>();
  let line = 0;
  for await (const text of readLines('stdin', stream)) {
    line++;
    if (text !== '') paths.add(pathInside(root, text, `line ${line} of stdin`));
  }
  if (paths.size === 0) throw new InputError('Expected paths of images on stdin, one a line, but found none');
  return { images: Array.from(paths, labelled), notes: [LABEL_NOTE] };
}

const LABEL_NOTE = 'The folder that an image lies in is taken for its label';

function labelled(path: string): DatasetImage {
  const label = path.split('/').at(-2);
  return { path, labels: label === undefined ? [] : [label], split: null, group: null };
}

function passedOver(count: number): string[] {
  return count === 0 ? [] : [`${count} file(s) that are no images by name were passed over`];
}
