/** Where a store's images are, for what wants to show them: a hint, on which no features depend. */
import { join, relative, resolve, sep } from 'node:path';
import { asObject, asText, parseJson } from '../fields.ts';
import { disk, writeDurably } from './files.ts';
import { PHOTOS_FILE } from './schema.ts';

/** Notes the folder that the store's paths are relative to; relative to the store, so that both can move together. */
export async function writePhotoFolder(dir: string, folder: string): Promise<void> {
  const root = relative(resolve(dir), resolve(folder)).split(sep).join('/') || '.';
  await writeDurably(join(dir, PHOTOS_FILE), `${JSON.stringify({ root })}\n`);
}

/** The folder that the store's paths are relative to; undefined where it is not known. */
export async function readPhotoFolder(dir: string): Promise<string | undefined> {
  const path = join(dir, PHOTOS_FILE);
  const json = await disk.readFile(path, 'utf8').catch(() => undefined);
  if (json === undefined) return undefined;
  return resolve(dir, asText(asObject(parseJson(json, path), path).root, `root of ${path}`));
}
