/** The perceptual hash against its definition, written out. */
import { expect, it } from 'vitest';
import { perceptualHash } from '../../../src/shared/images/phash.ts';
import { random } from '../../../src/shared/random.ts';

const CELLS = 32;

/** Pixels of cells with a colour each, `scale` pixels wide and high. */
function pixelsOf(colours: readonly (readonly number[])[], scale: number): Uint8Array {
  const width = CELLS * scale;
  const pixels = new Uint8Array(width * width * 3);
  for (let y = 0; y < width; y++)
    for (let x = 0; x < width; x++)
      pixels.set(colours[Math.floor(y / scale) * CELLS + Math.floor(x / scale)], (y * width + x) * 3);
  return pixels;
}

/** DCT-II of the cells' luma by its double sum; its 8x8 lowest frequencies against their median without the first. */
function hashByDefinition(colours: readonly (readonly number[])[]): string {
  const luma = colours.map(([red, green, blue]) => 0.299 * red + 0.587 * green + 0.114 * blue);
  const cosine = (frequency: number, cell: number) => Math.cos((Math.PI * (cell + 0.5) * frequency) / CELLS);
  const values: number[] = [];
  for (let v = 0; v < 8; v++) {
    for (let u = 0; u < 8; u++)
      values.push(
        luma.reduce(
          (sum, value, i) => sum + value * cosine(u, i % CELLS) * cosine(v, Math.floor(i / CELLS)),
          0,
        ),
      );
  }
  const median = values.slice(1).sort((a, b) => a - b)[31];
  const bits = values.map((value) => (value > median ? '1' : '0')).join('');
  return BigInt(`0b${bits}`).toString(16).padStart(16, '0');
}

it.each([1, 3])('is that of the cosine transform of 32 x 32 cells of %i pixels', (scale) => {
  for (let seed = 0; seed < 5; seed++) {
    const stream = random(seed, 'cells');
    const colours = Array.from({ length: CELLS * CELLS }, (_, i) =>
      // Each channel has a slope of its own, so that it matters how much each counts.
      [i % CELLS, CELLS - (i % CELLS), i / CELLS].map((slope) => Math.floor(4 * slope + stream.integer(90))),
    );
    const size = { width: CELLS * scale, height: CELLS * scale };
    expect(perceptualHash(pixelsOf(colours, scale), size)).toBe(hashByDefinition(colours));
  }
});

it('is none where cells differ by less than two grey levels', () => {
  const size = { width: CELLS, height: CELLS };
  const checks = (difference: number) =>
    pixelsOf(
      Array.from({ length: CELLS * CELLS }, (_, i) => Array(3).fill(100 + (i % 2 === 0 ? difference : 0))),
      1,
    );
  expect(perceptualHash(checks(3), size)).toBeNull();
  expect(perceptualHash(checks(5), size)).toMatch(/^[0-9a-f]{16}$/);
});
