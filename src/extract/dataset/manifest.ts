/** Manifests as datasets: which file each row is about. */
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import { expectedMessage, InputError } from '../../shared/errors.ts';
import type { FileNames } from '../../shared/images/names.ts';
import type { ManifestOptions } from '../../shared/manifest/columns.ts';
import { readManifest } from '../../shared/manifest/read.ts';
import type { DatasetImage, Images } from './layout.ts';
import { type Listed, placed } from './paths.ts';

/**
 * The images of a manifest, in its order.
 * @param name names the manifest in messages; its extension says how it is read
 * @param root the folder its paths are relative to and may not leave
 * @param names the files below it
 * @throws InputError with file, line and value for whatever does not fit
 */
export async function manifestImages(
  name: string,
  stream: Readable,
  { root, names, ...options }: ManifestOptions & { root: string; names: FileNames },
): Promise<Images & Listed> {
  const notes: string[] = [];
  const images: DatasetImage[] = [];
  const found = new Map<string, string>();
  const seen = new Map<string, number>();
  const note = (text: string) => void notes.push(text);
  const rows = readManifest(name, stream, options, { info: note, warn: note });
  for await (const { line, where, path: written, ...row } of rows) {
    const path = await placed(written, where, { root, names, found });
    const file = found.get(path) ?? path;
    const earlier = seen.get(file);
    if (earlier !== undefined) {
      throw new InputError(
        `${expectedMessage('each image once', `${basename(name)} line ${line}`, path)} again (first on line ${earlier})`,
      );
    }
    seen.set(file, line);
    images.push({ path, ...row });
  }
  return { images, notes, found };
}
