/** The images named on a command line: files as they are, folders for the images below them. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../shared/errors.ts';
import { walkFolder } from '../shared/images/folder.ts';
import { hasImageExtension } from '../shared/images/formats.ts';

export interface ImageFile {
  /** The file to read, and what its prediction is listed under. */
  file: string;
}

/**
 * Lists files and folders in the order they were named, a folder's images in code-unit order, each path once. A file
 * that was named is taken for an image whatever its extension; whether it is there shows when it is read.
 * @throws InputError when there is no image at all
 */
export async function listImages(named: readonly string[]): Promise<ImageFile[]> {
  const files = new Set<string>();
  for (const path of named) {
    const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
    const below = isFolder ? (await walkFolder(path)).filter(hasImageExtension) : undefined;
    for (const file of below?.map((name) => join(path, name)) ?? [path]) files.add(file);
  }
  if (files.size === 0) throw new InputError(`Expected images in ${named.join(', ')} but found none`);
  return Array.from(files, (file) => ({ file }));
}
