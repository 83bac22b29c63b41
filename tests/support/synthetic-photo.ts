/** Photos made by formula, the same pixels as photo() in golden/formula.py. */
import { draws } from '../../src/shared/weights/seeded.ts';

/** Photo 0 (a disc on a gradient) or 1 (stripes), with noise: uint8 RGB, height x width x 3. */
export function syntheticPhoto(number: 0 | 1, width: number, height: number): Uint8Array {
  const noise = draws(`photo/${number}`);
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0, offset = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < 3; channel++, offset++) {
        const base = number === 0 ? disc(x, y, channel, width, height) : stripes(x, y, channel, height);
        pixels[offset] = Math.min(255, base + (noise(offset) >>> 27));
      }
    }
  }
  return pixels;
}

function disc(x: number, y: number, channel: number, width: number, height: number): number {
  if ((3 * x - width) ** 2 + (3 * y - height) ** 2 < Math.min(width, height) ** 2) return 200 - 60 * channel;
  return Math.floor((x * (160 - 50 * channel)) / width) + Math.floor((y * (20 + 35 * channel)) / height);
}

function stripes(x: number, y: number, channel: number, height: number): number {
  if (Math.floor((x + 2 * y) / 12) % 3 === 0) return 30 + 40 * channel;
  return 230 - Math.floor((y * (90 + 30 * channel)) / height);
}
