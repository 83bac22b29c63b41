import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import sharp from 'sharp';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { decodeImage } from '../../../src/shared/images/decode.ts';
import { reduction } from '../../../src/shared/images/reduction.ts';

interface Golden {
  file: string;
  to: [width: number, height: number];
  scale: 1 | 2 | 4 | 8;
  /** Red levels, base64. */
  red: string;
}
const golden = (name: string) => readFileSync(new URL(`golden/${name}`, import.meta.url));
const goldens: Golden[] = JSON.parse(golden('jpeg.json').toString());

const large = golden('large.jpg');
const SIZE = { width: 48, height: 36 };
const leftovers = () => readdirSync(tmpdir()).filter((name) => /^permafrost-[\w-]{36}\.jpg/.test(name));

afterEach(() => vi.unstubAllEnvs());

describe('a JPEG', () => {
  it.each(goldens)(
    '$file becomes $to as in Pillow, decoded at 1/$scale',
    async ({ file, to, red, scale }) => {
      const bytes = golden(file);
      const [width, height] = to;
      const { autoOrient } = await sharp(bytes).metadata();
      const how = { isJpeg: true, interpolation: 'bilinear' } as const;
      expect(reduction(autoOrient, { width, height }, how)).toEqual({ scale });
      const rgb = await decodeImage(bytes, { width, height });
      const differences = [...Buffer.from(red, 'base64')].map((value, index) =>
        Math.abs(value - rgb[index * 3]),
      );
      const isEdge = (index: number) =>
        [0, width - 1].includes(index % width) || [0, height - 1].includes(Math.floor(index / width));
      // Pillow resizes before it turns an image: another order of rounding.
      expect(Math.max(...differences.filter((_, index) => !isEdge(index)))).toBeLessThanOrEqual(1);
      // libvips leaves out columns and rows that are not whole at that scale.
      expect(Math.max(...differences)).toBeLessThanOrEqual(5);
      const mean = differences.reduce((sum, difference) => sum + difference) / differences.length;
      expect(mean).toBeLessThan(scale === 1 ? 0.001 : 0.25);
    },
  );

  it('decoded at a fraction leaves no file behind, and if it is cut short is refused like any other', async () => {
    const before = leftovers();
    await decodeImage(large, SIZE);
    const cut = large.subarray(0, large.length * 0.6);
    await expect(decodeImage(cut, SIZE)).rejects.toThrow(/^truncated JPEG$/);
    expect(leftovers()).toEqual(before);
  });

  it('says where there is no room for its temporary copy', async () => {
    vi.stubEnv('TMPDIR', '/no/such/folder');
    vi.stubEnv('TEMP', '/no/such/folder');
    await expect(decodeImage(large, SIZE)).rejects.toThrow(
      expect.objectContaining({
        name: 'InputError',
        message: expect.stringMatching(
          /^no space for a temporary copy of a large JPEG \(ENOENT.*no.such.folder/,
        ),
      }),
    );
  });
});

describe('how an image is decoded', () => {
  const resized = { width: 224, height: 224 };
  const bilinear = { isJpeg: true, interpolation: 'bilinear' } as const;

  it.each([
    [500, 333, 1],
    [4000, 895, 1],
    [4000, 896, 2],
    [2000, 1332, 2],
    [4000, 3000, 4],
    [3000, 4000, 4],
    [8000, 6000, 8],
  ])('a JPEG of %d x %d pixels at 1/%d, so that a factor of two remains', (width, height, scale) => {
    expect(reduction({ width, height }, resized, bilinear)).toEqual({ scale });
  });

  it('other formats, and images of which single pixels are taken, whole', () => {
    const size = { width: 4000, height: 3000 };
    expect(reduction(size, resized, { ...bilinear, isJpeg: false })).toEqual({ scale: 1 });
    expect(reduction(size, resized, { ...bilinear, interpolation: 'nearest' })).toEqual({ scale: 1 });
  });

  it.each([
    [16_383, 16_383],
    [200_000, 1],
    [1, 268_000_000],
    [100_000, 2000],
  ])('an enormous one of %d x %d pixels is reduced to what memory can hold', (width, height) => {
    const { reduced } = reduction({ width, height }, resized, { ...bilinear, isJpeg: false });
    expect(reduced!.width * reduced!.height).toBeLessThanOrEqual(2 ** 25);
    expect(Math.max(reduced!.width, reduced!.height)).toBeLessThanOrEqual(2 ** 16);
    expect(reduced!.width).toBeLessThanOrEqual(width);
    expect(reduced!.height).toBeLessThanOrEqual(height);
    expect(Math.min(reduced!.width, reduced!.height)).toBeGreaterThan(0);
  });

  it('an enormous PNG keeps the colours under its transparent pixels', async () => {
    const background = { r: 200, g: 100, b: 50, alpha: 0 };
    const bytes = await sharp({ create: { width: 70_000, height: 4, channels: 4, background } })
      .png()
      .toBuffer();
    const rgb = await decodeImage(bytes, { width: 8, height: 4 });
    expect(new Set(rgb)).toEqual(new Set([200, 100, 50]));
  });
});
