/** Small class folders for extractions. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { newFolder } from './folders.ts';

/** A small JPEG, another for each seed. */
export async function photo(seed: number): Promise<Buffer> {
  const pixels = Buffer.from(
    Array.from({ length: 40 * 30 * 3 }, (_, i) => (i * (seed + 3) + seed * 50) % 256),
  );
  return sharp(pixels, { raw: { width: 40, height: 30, channels: 3 } })
    .jpeg()
    .toBuffer();
}

/** Class folders a and b with `count` images, image-0.jpg in a, image-1.jpg in b, ... */
export async function photos(count: number): Promise<string> {
  const root = newFolder();
  for (let i = 0; i < count; i++) {
    const file = join(root, 'ab'[i % 2], `image-${i}.jpg`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, await photo(i));
  }
  return root;
}
