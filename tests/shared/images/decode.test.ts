import sharp, { type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodeImage } from '../../../src/shared/images/decode.ts';

const RED = [250, 10, 20];
const BLUE = [15, 25, 240];

/** 8x6 pixels: the top left quarter red, the rest blue. */
function corner(channels: 3 | 4 = 3, alpha: (red: boolean) => number = () => 255): Buffer {
  const pixels: number[] = [];
  for (let y = 0; y < 6; y++) {
    for (let x = 0; x < 8; x++) {
      const red = x < 4 && y < 3;
      pixels.push(...(red ? RED : BLUE));
      if (channels === 4) pixels.push(alpha(red));
    }
  }
  return Buffer.from(pixels);
}

function picture(channels: 3 | 4 = 3, alpha?: (red: boolean) => number): Sharp {
  return sharp(corner(channels, alpha), { raw: { width: 8, height: 6, channels } });
}

function pixel(rgb: Uint8Array, width: number, x: number, y: number): number[] {
  return [...rgb.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)];
}

function expectNear(received: number[], expected: number[], tolerance: number): void {
  received.forEach((value, i) => {
    expect(Math.abs(value - expected[i]), `${received} against ${expected}`).toBeLessThanOrEqual(tolerance);
  });
}

async function noise(format: 'jpeg' | 'png' | 'webp' | 'gif' | 'tiff' | 'avif'): Promise<Buffer> {
  return sharp({
    create: {
      width: 90,
      height: 70,
      channels: 3,
      noise: { type: 'gaussian', mean: 128, sigma: 50 },
      background: 'red',
    },
  })
    .toFormat(format)
    .toBuffer();
}

describe('decodeImage', () => {
  it.each(['png', 'jpeg', 'webp', 'gif', 'tiff', 'avif'] as const)('reads %s', async (format) => {
    const bytes = await picture().toFormat(format, { quality: 100, chromaSubsampling: '4:4:4' }).toBuffer();
    const rgb = await decodeImage(bytes, { width: 8, height: 6 });
    expect(rgb.length).toBe(8 * 6 * 3);
    expectNear(pixel(rgb, 8, 0, 0), RED, 12);
    expectNear(pixel(rgb, 8, 7, 5), BLUE, 12);
  });

  it.each([
    [1, 'tl'],
    [2, 'tr'],
    [3, 'br'],
    [4, 'bl'],
    [5, 'tl'],
    [6, 'tr'],
    [7, 'br'],
    [8, 'bl'],
  ])('turns an image of EXIF orientation %i upright', async (orientation, where) => {
    const bytes = await picture()
      .withMetadata({ orientation })
      .jpeg({ quality: 100, chromaSubsampling: '4:4:4' })
      .toBuffer();
    const upright = orientation < 5 ? { width: 8, height: 6 } : { width: 6, height: 8 };
    const rgb = await decodeImage(bytes, upright);
    const corners = {
      tl: [0, 0],
      tr: [upright.width - 1, 0],
      bl: [0, upright.height - 1],
      br: [upright.width - 1, upright.height - 1],
    };
    for (const [name, [x, y]] of Object.entries(corners)) {
      expectNear(pixel(rgb, upright.width, x, y), name === where ? RED : BLUE, 12);
    }
  });

  it('makes grey RGB', async () => {
    const bytes = await sharp(Buffer.alloc(12, 77), { raw: { width: 4, height: 3, channels: 1 } })
      .toColourspace('b-w')
      .png()
      .toBuffer();
    expect((await sharp(bytes).metadata()).channels).toBe(1);
    expect([...(await decodeImage(bytes, { width: 2, height: 5 }))]).toEqual(Array(30).fill(77));
  });

  it.each([
    [1, 'grey16'],
    [3, 'rgb16'],
  ] as const)('scales 16 bits to 8, %i channel(s)', async (channels, space) => {
    const values = new Uint16Array(4 * 4 * channels).map((_, i) => (i < 8 * channels ? 65535 : 32896));
    const bytes = await sharp(values, { raw: { width: 4, height: 4, channels } })
      .toColourspace(space)
      .png()
      .toBuffer();
    expect((await sharp(bytes).metadata()).depth).toBe('ushort');
    const rgb = await decodeImage(bytes, { width: 4, height: 4 });
    expectNear(pixel(rgb, 4, 0, 0), [255, 255, 255], 0);
    expectNear(pixel(rgb, 4, 3, 3), [128, 128, 128], 1);
  });

  it('reads a palette', async () => {
    const bytes = await picture().png({ palette: true, colours: 4, dither: 0 }).toBuffer();
    const rgb = await decodeImage(bytes, { width: 8, height: 6 });
    expectNear(pixel(rgb, 8, 1, 1), RED, 6);
    expectNear(pixel(rgb, 8, 6, 4), BLUE, 6);
  });

  it('drops alpha and keeps the colour under it, also when it resizes', async () => {
    const bytes = await picture(4, (red) => (red ? 0 : 128))
      .png()
      .toBuffer();
    const rgb = await decodeImage(bytes, { width: 4, height: 3 });
    expectNear(pixel(rgb, 4, 0, 0), RED, 1);
    expectNear(pixel(rgb, 4, 3, 2), BLUE, 1);
  });

  it('reads CMYK', async () => {
    const bytes = await picture().toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer();
    expect((await sharp(bytes).metadata()).space).toBe('cmyk');
    const [red, green, blue] = pixel(await decodeImage(bytes, { width: 8, height: 6 }), 8, 0, 0);
    expect(red).toBeGreaterThan(150);
    expect(Math.max(green, blue)).toBeLessThan(110);
  });

  it.each(['gif', 'webp'] as const)('takes the first frame of an animated %s', async (format) => {
    const frames = await Promise.all(
      ['#ff0000', '#00ff00'].map((background) =>
        sharp({ create: { width: 8, height: 8, channels: 3, background } })
          .png()
          .toBuffer(),
      ),
    );
    const bytes = await sharp(frames, { join: { animated: true } })
      .toFormat(format)
      .toBuffer();
    expect((await sharp(bytes).metadata()).pages).toBe(2);
    expectNear(pixel(await decodeImage(bytes, { width: 8, height: 8 }), 8, 4, 4), [255, 0, 0], 6);
  });

  it('ignores colour profiles', async () => {
    const bytes = await picture().withIccProfile('p3').png().toBuffer();
    const stored = await sharp(bytes, { ignoreIcc: true }).raw().toBuffer();
    expect(Buffer.from(await decodeImage(bytes, { width: 8, height: 6 }))).toEqual(stored);
  });

  it.each(['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif'] as const)(
    'refuses a truncated %s',
    async (format) => {
      const bytes = await noise(format);
      for (const share of [0.3, 0.9]) {
        const cut = bytes.subarray(0, Math.floor(bytes.length * share));
        await expect(decodeImage(cut, { width: 20, height: 20 })).rejects.toThrow(/truncated/);
      }
    },
  );

  it.each([
    ['', 'empty file'],
    ['hello, I am text', 'not an image: starts with "hello, I am text"'],
    [
      '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
      'SVG is a drawing: render it to pixels first',
    ],
    ['<?xml version="1.0"?>\n<svg width="9" height="9"/>', 'SVG is a drawing: render it to pixels first'],
    ['%PDF-1.7\n', 'PDF is a document: render it to pixels first'],
    ['BM\0\0\0\0', 'BMP is not supported: convert it to PNG'],
  ])('says in a few words why %j is refused', async (text, reason) => {
    await expect(decodeImage(Buffer.from(text), { width: 8, height: 8 })).rejects.toThrow(
      expect.objectContaining({ name: 'InputError', message: reason }),
    );
  });
});
