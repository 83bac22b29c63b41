import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodeImage } from '../../../src/shared/images/decode.ts';
import {
  DEFAULT_RESIZE,
  formatResize,
  parseResize,
  placement,
  resolveResize,
} from '../../../src/shared/images/resize.ts';

const WIDTH = 61;
const HEIGHT = 43;

/** As drawn in golden/make_resize_golden.py. */
const picture = Buffer.from(
  Array.from({ length: WIDTH * HEIGHT * 3 }, (_, i) => {
    const [c, x, y] = [i % 3, Math.floor(i / 3) % WIDTH, Math.floor(i / 3 / WIDTH)];
    const checks = 30 * ((Math.floor(x / 9) + Math.floor(y / 7)) % 2);
    return Math.round(127 + 90 * Math.sin(x / 5 + c) * Math.cos(y / 7) + checks);
  }),
);

interface Golden {
  resize: string;
  width: number;
  height: number;
  red: number[];
}
const goldens: Golden[] = JSON.parse(readFileSync(new URL('golden/resize.json', import.meta.url), 'utf8'));

const image = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: '#c86432' } })
    .png()
    .toBuffer();

describe('resizing', () => {
  it.each(goldens)(
    '$resize to $width x $height gives what Pillow gives',
    async ({ resize, width, height, red }) => {
      const png = await sharp(picture, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } })
        .png()
        .toBuffer();
      const rgb = await decodeImage(png, { width, height }, parseResize(resize, 'the golden'));
      const differences = red.map((value, index) => Math.abs(value - rgb[index * 3]));
      // Where a pixel's centre falls exactly between two, Pillow's fixed-point numbers take the other.
      expect(Math.max(...differences)).toBeLessThanOrEqual(resize.endsWith('nearest') ? 1 : 0);
    },
  );

  it.each(['crop bilinear', 'pad bicubic', 'crop 256 lanczos'])(
    'one pixel and very long images fit a frame by %s',
    async (text) => {
      const resize = parseResize(text, 'the test');
      for (const [width, height] of [
        [1, 1],
        [6000, 1],
        [1, 6000],
      ]) {
        const rgb = await decodeImage(await image(width, height), { width: 32, height: 20 }, resize);
        expect(rgb.length).toBe(32 * 20 * 3);
        expect(Math.max(...rgb)).toBe(200);
        const isFilled = resize.fit === 'crop' && resize.edge === undefined;
        if (isFilled) expect(new Set(rgb)).toEqual(new Set([200, 100, 50]));
      }
    },
  );

  it('turns an image upright before it is cropped', async () => {
    // Red on the left, which is the top once it is turned.
    const left = { input: await image(10, 30), left: 0, top: 0 };
    const png = await sharp({ create: { width: 60, height: 30, channels: 3, background: 'blue' } })
      .composite([left])
      .withMetadata({ orientation: 6 })
      .png()
      .toBuffer();
    const rgb = await decodeImage(png, { width: 30, height: 60 }, { fit: 'crop', interpolation: 'bilinear' });
    expect([...rgb.subarray(0, 3)]).toEqual([200, 100, 50]);
    expect([...rgb.subarray(-3)]).toEqual([0, 0, 255]);
  });
});

describe('placement', () => {
  it('crops the middle of what the shorter edge was resized to', () => {
    const resize = { fit: 'crop', interpolation: 'bicubic', edge: 256 } as const;
    expect(placement({ width: 500, height: 333 }, { width: 224, height: 224 }, resize)).toEqual({
      resized: { width: 384, height: 256 },
      left: -80,
      top: -16,
    });
  });

  it('fills the frame exactly along one axis', () => {
    for (let width = 1; width < 400; width++) {
      const { resized } = placement(
        { width, height: 333 },
        { width: 224, height: 224 },
        { fit: 'crop', interpolation: 'bilinear' },
      );
      expect(Math.min(resized.width, resized.height)).toBe(224);
    }
  });
});

describe('how resizing is written', () => {
  it.each(['bilinear', 'nearest', 'crop bicubic', 'crop 256 bicubic', 'pad lanczos'])('%s', (text) => {
    expect(formatResize(parseResize(text, 'it'))).toBe(text);
  });

  it.each(['', 'linear', 'pad 256 bilinear', 'stretch bilinear', 'crop'])('%j is refused', (text) => {
    expect(() => parseResize(text, 'resize of the head')).toThrow(/Expected .* for resize of the head/);
  });

  it('what is asked for comes before what is usual, and brings its own edge', () => {
    const usual = parseResize('crop 256 bicubic', 'it');
    expect(formatResize(resolveResize({}, usual))).toBe('crop 256 bicubic');
    expect(formatResize(resolveResize({ interpolation: 'nearest' }, usual))).toBe('crop 256 nearest');
    expect(formatResize(resolveResize({ fit: 'crop' }, usual))).toBe('crop bicubic');
    expect(formatResize(resolveResize({}, DEFAULT_RESIZE))).toBe('bilinear');
  });
});
