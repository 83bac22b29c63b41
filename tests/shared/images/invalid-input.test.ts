/** Images at the edges of what a format can say: enormous, tiny, not numbers, asking for other files. */
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodeImage } from '../../../src/shared/images/decode.ts';

const SIZE = { width: 16, height: 12 };

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type), data]);
  const ends = Buffer.alloc(8);
  ends.writeUInt32BE(data.length, 0);
  ends.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
}

/** A grey PNG of any size; `pixels` may be fewer than it claims. */
function png(width: number, height: number, pixels: Buffer): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(pixels)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

type Tag = [tag: number, type: 3 | 4, value: number, count?: number];

/** A little-endian TIFF: `data` behind the header, then a directory. */
function tiff(data: Buffer, tags: Tag[]): Buffer {
  const file = Buffer.alloc(8 + data.length + 2 + tags.length * 12 + 4);
  file.write('II*\0', 0, 'latin1');
  file.writeUInt32LE(8 + data.length, 4);
  data.copy(file, 8);
  let index = 8 + data.length;
  file.writeUInt16LE(tags.length, index);
  index += 2;
  for (const [tag, type, value, count = 1] of tags) {
    file.writeUInt16LE(tag, index);
    file.writeUInt16LE(type, index + 2);
    file.writeUInt32LE(count, index + 4);
    file.writeUInt32LE(value, index + 8);
    index += 12;
  }
  return file;
}

/** A grey TIFF of 32-bit IEEE floats. */
function floatTiff(width: number, height: number, values: Float32Array): Buffer {
  return tiff(Buffer.from(values.buffer), [
    [256, 3, width],
    [257, 3, height],
    [258, 3, 32],
    [259, 3, 1],
    [262, 3, 1],
    [273, 4, 8],
    [277, 3, 1],
    [278, 3, height],
    [279, 4, values.byteLength],
    [339, 3, 3],
  ]);
}

describe('an enormous image', () => {
  it.each([
    [60_000, 1],
    [1, 60_000],
    [60_000, 20],
  ])('of %d x %d pixels is resized like any other', async (width, height) => {
    const pixels = Buffer.alloc((width + 1) * height, 90);
    for (let row = 0; row < height; row++) pixels[row * (width + 1)] = 0;
    const decoded = await decodeImage(png(width, height, pixels), SIZE);
    expect([...decoded]).toEqual(Array(16 * 12 * 3).fill(90));
  });

  it.each([
    [60_000, 60_000],
    [2 ** 31 - 1, 2 ** 31 - 1],
  ])('that claims %d x %d pixels in a few bytes is refused before it is decoded', async (width, height) => {
    const bomb = png(width, height, Buffer.alloc(1000));
    await expect(decodeImage(bomb, SIZE)).rejects.toMatchObject({ name: 'InputError' });
  });

  it('of 3,600 million pixels says which limit it is beyond', async () => {
    await expect(decodeImage(png(60_000, 60_000, Buffer.alloc(9)), SIZE)).rejects.toThrow(
      'PNG of more pixels than the limit of 268 million',
    );
  });
});

describe('an image of one pixel', () => {
  it.each(['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif'] as const)(
    'fills what is asked for: %s',
    async (format) => {
      const image = sharp({
        create: { width: 1, height: 1, channels: 3, background: { r: 200, g: 40, b: 90 } },
      });
      const bytes = await image.toFormat(format, format === 'webp' ? { lossless: true } : {}).toBuffer();
      const decoded = await decodeImage(bytes, SIZE);
      expect(decoded).toHaveLength(16 * 12 * 3);
      for (const [i, value] of decoded.entries()) expect(value).toBe(decoded[i % 3]);
      expect(decoded[0]).toBeGreaterThan(decoded[2]);
      expect(decoded[2]).toBeGreaterThan(decoded[1]);
    },
  );
});

describe('pixels that are no numbers', () => {
  const { NaN: NAN, POSITIVE_INFINITY, NEGATIVE_INFINITY } = Number;

  it.each([
    ['NaN', NAN, 0],
    ['minus infinity', NEGATIVE_INFINITY, 0],
    ['infinity', POSITIVE_INFINITY, 255],
    ['what no integer holds', 1e38, 255],
  ])('of a float TIFF become a grey level: %s', async (_, value, grey) => {
    const values = new Float32Array(16 * 12).fill(100);
    values.fill(value, 0, 16);
    const decoded = await decodeImage(floatTiff(16, 12, values), SIZE);
    expect([...decoded.subarray(0, 16 * 3)]).toEqual(Array(48).fill(grey));
    expect([...decoded.subarray(16 * 3 * 2)]).toEqual(Array(16 * 3 * 10).fill(100));
  });

  it('all of them, decode to an image at any size', async () => {
    const decoded = await decodeImage(floatTiff(40, 30, new Float32Array(1200).fill(NAN)), SIZE);
    expect([...decoded]).toEqual(Array(16 * 12 * 3).fill(0));
  });
});

describe('an SVG', () => {
  it.each([
    [
      'with an external image',
      '<svg xmlns:x="http://www.w3.org/1999/xlink"><image x:href="file:///etc/passwd"/></svg>',
    ],
    [
      'with an external entity',
      '<!DOCTYPE svg [<!ENTITY e SYSTEM "file:///etc/passwd">]><svg><text>&e;</text></svg>',
    ],
    ['behind a comment', '<!-- nothing --><svg><image href="http://localhost/x.png"/></svg>'],
    ['behind a byte order mark', '\ufeff<svg><image href="http://localhost/x.png"/></svg>'],
  ])('%s is refused unread', async (_, text) => {
    await expect(decodeImage(Buffer.from(text), SIZE)).rejects.toThrow(/^(SVG is a drawing|not an image)/);
  });

  it('in UTF-16 or compressed is no image', async () => {
    const text = '<svg><image href="file:///etc/passwd"/></svg>';
    for (const bytes of [Buffer.from(`\ufeff${text}`, 'utf16le'), deflateSync(text)])
      await expect(decodeImage(bytes, SIZE)).rejects.toThrow('not an image');
  });
});

describe('a small file that asks for much work', () => {
  /** Refused within a second or so; the bound is for machines that are busy. */
  async function expectRefused(bytes: Buffer): Promise<void> {
    const started = performance.now();
    await expect(decodeImage(bytes, SIZE)).rejects.toMatchObject({ name: 'InputError' });
    expect(performance.now() - started).toBeLessThan(10_000);
  }

  it('is refused: a TIFF of 250,000 strips without lengths', async () => {
    const strips = 250_000;
    const offsets = Buffer.alloc(4 * strips);
    for (let i = 0; i < strips; i++) offsets.writeUInt32LE(8, 4 * i);
    await expectRefused(
      tiff(offsets, [
        [256, 4, 1],
        [257, 4, strips],
        [273, 4, 8, strips],
        [278, 4, 1],
      ]),
    );
  });

  it('is refused: a TIFF whose only strip unpacks to 4 GB', async () => {
    const bomb = deflateSync(Buffer.alloc(50_000_000));
    await expectRefused(
      tiff(bomb, [
        [256, 4, 65_000],
        [257, 4, 65_000],
        [258, 3, 8],
        [259, 3, 8],
        [273, 4, 8],
        [278, 4, 65_000],
        [279, 4, bomb.length],
      ]),
    );
  });

  it('is refused: a GIF of 4,295 million pixels', async () => {
    const gif = Buffer.alloc(60);
    gif.write('GIF89a\xff\xff\xff\xff', 0, 'latin1');
    gif.write('\x2c\0\0\0\0\xff\xff\xff\xff\0\x08', 13, 'latin1');
    await expectRefused(gif);
  });

  it('is read: a PNG with a profile that is nothing but spaces', async () => {
    const text = Buffer.concat([Buffer.from('Raw profile type exif\0'), Buffer.alloc(4_000_000, ' ')]);
    const plain = png(4, 3, Buffer.alloc(15, 90).fill(0, 0, 1).fill(0, 5, 6).fill(0, 10, 11));
    const bytes = Buffer.concat([plain.subarray(0, 33), chunk('tEXt', text), plain.subarray(33)]);
    const started = performance.now();
    expect([...(await decodeImage(bytes, SIZE))]).toEqual(Array(16 * 12 * 3).fill(90));
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});
