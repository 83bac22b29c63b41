/** Both synthetic photos as files of a size, which decoding does not change. */
import { join } from 'node:path';
import sharp from 'sharp';
import type { Size } from '../../src/shared/images/resize.ts';
import { syntheticPhoto } from './synthetic-photo.ts';

/** @returns paths below `root`, and RGB of both, [2, height, width, 3] */
export async function writeSyntheticPhotos(
  root: string,
  { width, height }: Size,
): Promise<{ photos: string[]; pixels: Uint8Array }> {
  const images = ([0, 1] as const).map((number) => syntheticPhoto(number, width, height));
  const photos = images.map((_, index) => join(root, `${index}.png`));
  for (const [index, image] of images.entries())
    await sharp(image, { raw: { width, height, channels: 3 } })
      .png()
      .toFile(photos[index]);
  return { photos, pixels: new Uint8Array(images.flatMap((image) => [...image])) };
}
