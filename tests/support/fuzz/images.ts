/** Image files with bits flipped, cut short, and with the headers of other formats. */
import sharp from 'sharp';
import { expect } from 'vitest';
import { decodeImage } from '../../../src/shared/images/decode.ts';
import { random } from '../../../src/shared/random.ts';

/** One small image in every format that is decoded, some of them in several kinds. */
async function images(): Promise<Buffer[]> {
  const stream = random(5, 'pixels');
  const pixels = Buffer.from(Array.from({ length: 48 * 36 * 4 }, (_, i) => (i + stream.integer(60)) % 256));
  const image = () => sharp(pixels, { raw: { width: 48, height: 36, channels: 4 } });
  return Promise.all([
    image().jpeg().toBuffer(),
    image().jpeg({ progressive: true }).toBuffer(),
    image().png().toBuffer(),
    image().png({ palette: true }).toBuffer(),
    image().webp().toBuffer(),
    image().webp({ lossless: true }).toBuffer(),
    image().gif().toBuffer(),
    image().tiff({ compression: 'lzw' }).toBuffer(),
    image().tiff({ compression: 'none' }).toBuffer(),
    image().avif({ effort: 0 }).toBuffer(),
  ]);
}

/** Decodes `count` mutated images: each gives pixels or a reason, none takes 10 s, and nothing crashes. */
export async function fuzzImages(count: number, seed: number): Promise<void> {
  const originals = await images();
  const stream = random(seed, 'mutated images');
  const size = { width: 64, height: 48 };
  let refused = 0;
  for (let i = 0; i < count; i++) {
    const bytes = Buffer.from(originals[i % originals.length]);
    const kind = stream.integer(4);
    if (kind === 0)
      for (let f = 0; f <= stream.integer(8); f++)
        bytes[stream.integer(bytes.length)] ^= 1 << stream.integer(8);
    // Where sizes and offsets are.
    if (kind === 1)
      for (let f = 0; f < 4; f++) bytes[stream.integer(Math.min(64, bytes.length))] = stream.integer(256);
    if (kind === 2) originals[stream.integer(originals.length)].copy(bytes, 0, 0, 4 + stream.integer(40));
    const mutated = kind === 3 ? bytes.subarray(0, stream.integer(bytes.length)) : bytes;
    const started = performance.now();
    const outcome = await decodeImage(mutated, size).catch((thrown: unknown) => thrown);
    // A bound, not a speed: a hang would never get here.
    expect(performance.now() - started, `image ${i}`).toBeLessThan(10_000);
    if (outcome instanceof Uint8Array) expect(outcome.length).toBe(64 * 48 * 3);
    else {
      refused++;
      expect(outcome, `image ${i}`).toMatchObject({
        name: 'InputError',
        message: expect.stringMatching(/^\S.{3,}/),
      });
    }
  }
  expect(refused).toBeGreaterThan(count / 4);
  expect(refused).toBeLessThan(count);
}
