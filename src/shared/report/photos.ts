/** Small pictures of the images that a report shows, as data: URIs. */
import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import pLimit from 'p-limit';
import sharp from 'sharp';
import { InputError } from '../errors.ts';
import { openPhotos, type Photos } from '../images/photos.ts';

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

/** @param place the folder or archive that paths are relative to; undefined: not known, none can be shown */
export async function makeThumbnails(
  photos: readonly Photo[],
  place: string | undefined,
): Promise<Thumbnails> {
  const uris = new Map<string, string>();
  if (place === undefined) {
    const reason = 'the folder of the photos is unknown: give --images FOLDER';
    return { uris, missing: photos.length, reason };
  }
  // It would be unpacked as a whole for a few pictures.
  if (/\.(tar\.gz|tgz)$/i.test(place))
    return {
      uris,
      missing: photos.length,
      reason: `the photos are packed in ${place}: give --images FOLDER`,
    };
  const paths = photos.map(({ path }) => path);
  const opened = await openPhotos(place, paths).catch(() => undefined);
  if (!opened) return { uris, missing: photos.length, reason: `the photos are no longer in ${place}` };
  const limit = pLimit(availableParallelism());
  let missing = 0;
  let reason: string | null = null;
  await Promise.all(
    photos.map((photo) =>
      limit(async () => {
        const image = await thumbnail(photo, opened);
        if ('uri' in image) uris.set(photo.path, image.uri);
        else {
          missing++;
          reason ??= image.reason;
        }
      }),
    ),
  );
  await opened.close();
  return { uris, missing, reason };
}

async function thumbnail(
  { path, sha256 }: Photo,
  { read }: Photos,
): Promise<{ uri: string } | { reason: string }> {
  let bytes: Buffer;
  try {
    bytes = await read(path);
  } catch (thrown) {
    const reason = thrown instanceof InputError ? thrown.message : 'not where it was';
    return { reason: `${path} is ${reason}` };
  }
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
