/** The images named on a command line: files as they are, folders for the images below them, globs, lists on stdin. */
import { stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import type { Readable } from 'node:stream';
import { InputError } from '../shared/errors.ts';
import { walkTree } from '../shared/images/folder.ts';
import { hasImageExtension } from '../shared/images/formats.ts';
import { findFile } from '../shared/images/names.ts';
import { readLines } from '../shared/manifest/lines.ts';

/** A file on its way through the backbones. */
export interface ImageFile {
  file: string;
}

/**
 * Lists files, folders and globs in the order they were named, the images of a folder or a glob in code-unit order,
 * each path once; after them the files on `list`. A file that was named or listed is taken for an image whatever its
 * extension; whether it is there shows when it is read.
 * @param list paths of files, one a line, read to its end
 * @param warn is told of hidden and system files and folders that were skipped
 * @throws InputError when there is no image at all
 */
export async function listImages(
  named: readonly string[],
  list?: Readable,
  warn: (message: string) => void = () => {},
): Promise<ImageFile[]> {
  const files = new Set<string>();
  const skipped = new Set<string>();
  for (const path of named) for (const file of await filesOf(path, skipped)) files.add(file);
  if (skipped.size > 0) warn(skippedMessage([...skipped]));
  if (list) for (const file of await linesOf(list)) files.add(file);
  if (files.size === 0) {
    const places = list ? [...named, 'stdin'] : named;
    throw new InputError(`Found no image in ${places.join(', ')}`);
  }
  return Array.from(files, (file) => ({ file }));
}

const MAX_NAMED = 5;

function skippedMessage(paths: readonly string[]): string {
  const named = paths.slice(0, MAX_NAMED).map((path) => JSON.stringify(path));
  const more = paths.length > MAX_NAMED ? ` and ${paths.length - MAX_NAMED} more` : '';
  return `Hidden and system files and folders were skipped: ${named.join(', ')}${more}`;
}

/** @param skipped gathers hidden and system folders and images */
async function filesOf(path: string, skipped: Set<string>): Promise<string[]> {
  const found = await stat((await findFile(path)) ?? path).catch(() => undefined);
  if (found?.isDirectory()) {
    const tree = await walkTree((await findFile(path)) ?? path, { follow: true });
    for (const name of tree.ignored)
      if (name.endsWith('/') || hasImageExtension(name)) skipped.add(join(path, name));
    return tree.files.filter(hasImageExtension).map((name) => join(path, name));
  }
  // A file may be called photo[1].jpg.
  if (found || !/[*?{[]/.test(path)) return [path];
  const { glob } = await import('tinyglobby');
  const files = await glob(path, { absolute: isAbsolute(path), expandDirectories: false });
  return files.filter(hasImageExtension).sort();
}

async function linesOf(stream: Readable): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of readLines('stdin', stream)) if (line !== '') lines.push(line);
  return lines;
}
