/** Small pictures of the images that a report shows, as data: URIs. */
import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import pLimit from 'p-limit';
import sharp from 'sharp';
import { fileInside, readNamedFile } from '../images/names.ts';

/** Pixels of a side, shown at half to three quarters of it. */
const SIDE = 96;
const QUALITY = 60;
/** Thumbnails of one report: about 2.5 KB each. */
export const MAX_THUMBNAILS = 900;

/** An image as the store knows it. */
export interface Photo {
  path: string;
  /** SHA-256 of the file, in hex: a photo that has changed since is not shown. */
  sha256: string;
}

export interface Thumbnails {
  /** By path. */
  uris: Map<string, string>;
  missing: number;
  /** Why the first of those missing is. */
  reason: string | null;
}

/** @param folder what paths are relative to; undefined: not known, none can be shown */
export async function makeThumbnails(
  photos: readonly Photo[],
  folder: string | undefined,
): Promise<Thumbnails> {
  const uris = new Map<string, string>();
  if (folder === undefined) {
    const reason = 'the folder of the photos is unknown: give --images FOLDER';
    return { uris, missing: photos.length, reason };
  }
  const limit = pLimit(availableParallelism());
  let missing = 0;
  let reason: string | null = null;
  await Promise.all(
    photos.map((photo) =>
      limit(async () => {
        const image = await thumbnail(photo, folder);
        if ('uri' in image) uris.set(photo.path, image.uri);
        else {
          missing++;
          reason ??= image.reason;
        }
      }),
    ),
  );
  return { uris, missing, reason };
}

async function thumbnail(
  { path, sha256 }: Photo,
  folder: string,
): Promise<{ uri: string } | { reason: string }> {
  const file = fileInside(folder, path);
  // A store from elsewhere may name any file.
  if (file === undefined) return { reason: `${path} is outside of ${folder}` };
  const bytes = await readNamedFile(file).catch(() => undefined);
  if (!bytes) return { reason: `${path} is not in ${folder}` };
  if (createHash('sha256').update(bytes).digest('hex') !== sha256)
    return { reason: `${path} has changed since its features were extracted` };
  try {
    const small = await sharp(bytes, { autoOrient: true, failOn: 'none' })
      .resize(SIDE, SIDE, { fit: 'cover' })
      .webp({ quality: QUALITY, effort: 2 })
      .toBuffer();
    return { uri: `data:image/webp;base64,${small.toString('base64')}` };
  } catch {
    return { reason: `${path} cannot be decoded` };
  }
}
