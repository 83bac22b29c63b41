/** Manifests as datasets: which file each row is about. */
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import { expectedMessage, InputError } from '../../shared/errors.ts';
import type { ManifestOptions } from '../../shared/manifest/columns.ts';
import { readManifest } from '../../shared/manifest/read.ts';
import type { DatasetImage, Images } from './layout.ts';
import { pathInside } from './paths.ts';

/**
 * The images of a manifest, in its order.
 * @param name names the manifest in messages; its extension says how it is read
 * @param root the folder its paths are relative to and may not leave
 * @throws InputError with file, line and value for whatever does not fit
 */
export async function manifestImages(
  name: string,
  stream: Readable,
  root: string,
  options: ManifestOptions,
): Promise<Images> {
  const notes: string[] = [];
  const images: DatasetImage[] = [];
  const seen = new Map<string, number>();
  const rows = readManifest(name, stream, options, (note) => notes.push(note));
  for await (const { line, where, path: written, ...row } of rows) {
    const path = pathInside(root, written, where);
    const earlier = seen.get(path);
    if (earlier !== undefined) {
      throw new InputError(
        `${expectedMessage('each image once', `${basename(name)} line ${line}`, path)} again (first on line ${earlier})`,
      );
    }
    seen.set(path, line);
    images.push({ path, ...row });
  }
  return { images, notes };
}
