/** A selection of the corpus (corpus.ci.ts runs all of it): files that decode as in Pillow or as a person sees them, and refused ones. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeImage } from '../../../src/shared/images/decode.ts';

/** A file, and the means of 8x6 blocks of what it shows (6x8 where it stands upright). */
interface GoldenFile {
  name: string;
  file: string;
  width: number;
  height: number;
  blocks: number[];
}

const FILES = new Map(
  (JSON.parse(readFileSync(new URL('golden/files.json', import.meta.url), 'utf8')) as GoldenFile[]).map(
    (file) => [file.name, file],
  ),
);

function bytesOf(name: string): Buffer {
  return Buffer.from(FILES.get(name)!.file, 'base64');
}

function blockMeans(rgb: Uint8Array, width: number, height: number): number[] {
  const [across, down] = width > height ? [8, 6] : [6, 8];
  const [wide, high] = [width / across, height / down];
  const sums = new Array<number>(across * down * 3).fill(0);
  for (let i = 0; i < rgb.length; i++) {
    const pixel = Math.floor(i / 3);
    const block = Math.floor(Math.floor(pixel / width) / high) * across + Math.floor((pixel % width) / wide);
    sums[block * 3 + (i % 3)] += rgb[i];
  }
  return sums.map((sum) => sum / (wide * high));
}

async function expectShown(name: string): Promise<string[]> {
  const { width, height, blocks } = FILES.get(name)!;
  const notes: string[] = [];
  const rgb = await decodeImage(bytesOf(name), { width, height }, undefined, (text) => notes.push(text));
  const distance = blockMeans(rgb, width, height).map((mean, i) => Math.abs(mean - blocks[i]));
  expect(Math.max(...distance), name).toBeLessThan(4);
  return notes;
}

describe('an image that is turned', () => {
  it.each([
    ['by XMP, an attribute', 'jpeg-xmp6-0'],
    ['by XMP, an element', 'jpeg-xmp5-1'],
    ['by XMP in a PNG', 'png-xmp8'],
    ['by XMP in a WebP', 'webp-xmp3'],
    ['by XMP in a TIFF', 'tiff-xmp2'],
    ['by the raw EXIF profile of a PNG, deflated', 'png-rawexif6'],
    ['by the raw EXIF profile of a PNG, as text', 'png-rawexif-text7'],
    ['by EXIF behind the pixels of a PNG', 'png-exif-late'],
    ['by EXIF, which counts before XMP', 'jpeg-exif1-xmp6'],
  ])('%s, stands upright', async (_, name) => {
    expect(await expectShown(name)).toEqual([]);
  });
});

describe('samples of more than 8 bits', () => {
  const used = (stored: number, bits: number) =>
    `samples of ${stored} bits of which ${bits} are used, read as ${bits}-bit samples`;

  it.each([
    ['16 that use 8', 'png-grey16-uses8', [used(16, 8)]],
    ['16 that use 12', 'png-rgb16-uses12', [used(16, 12)]],
    ['16 that use 12, big-endian', 'tiff-16uses12-grey-mm', [used(16, 12)]],
    ['16', 'tiff-predictor2-16-lzw-strips', []],
    ['32', 'tiff-32-grey-ii', []],
    ['32 that use 12', 'tiff-32uses12-grey-ii', [used(32, 12)]],
    ['16 with a sign', 'tiff-i16full-grey-ii', []],
    ['floats to 1', 'tiff-predictor3-deflate-one', ['float samples read as grey levels from 0 to 1']],
    ['1 bit, white is 0', 'tiff-1bit-white', []],
  ])('come out as one sees them, and what was taken for granted is noted: %s', async (_, name, notes) => {
    expect(await expectShown(name)).toEqual(notes);
  });
});

describe('a whole file', () => {
  it.each([
    'gif-transparent40',
    'gif-16-1',
    'gif-animated',
    'png-palette4-trns-all',
    'avif-mif1',
    'avif-sequence',
    'tiff-rgb-lzw-tiles',
    'tiff-rgb-deflate-tiles',
    'jpeg-420-restart',
    'jpeg-420-progressive',
    'tiff-pyramid',
  ])('is read: %s', async (name) => {
    expect(await expectShown(name)).toEqual([]);
  });

  it.each([
    ['bytes behind its end', 'jpeg-tail'],
    ['padding before its end', 'jpeg-padding-before-end'],
    ['bytes between segments, and orientation', 'jpeg-junk-exif6'],
    ['an unknown Adobe transform', 'jpeg-adobe-transform'],
    ['no byte counts', 'tiff-no-byte-counts'],
    ['a channel it does not explain', 'tiff-no-extra-samples-lzw-tiles'],
    ['its tags unsorted', 'tiff-unsorted'],
    ['another subsampling than it says', 'tiff-jpeg-wrong-subsampling'],
    ['no end chunk', 'png-no-end'],
  ])('is read though a decoder would warn of it: with %s', async (_, name) => {
    expect(await expectShown(name)).toEqual([]);
  });
});

describe('an invalid file is refused, never black or grey:', () => {
  it.each([
    ['tiff-rgb-lzw-tiles-cut60', 'truncated TIFF'],
    ['tiff-rgb-deflate-tiles-cut60', 'truncated TIFF'],
    ['tiff-rgb-packbits-tiles-cut60', 'truncated TIFF'],
    ['tiff-no-extra-samples-lzw-tiles-cut90', 'truncated TIFF'],
    ['tiff-rgb-lzw-tiles-zeros45', /^damaged or truncated TIFF/],
    ['tiff-rgb-jpeg-strips-zeros45', /^damaged or truncated TIFF/],
    ['tiff-predictor3-deflate-tiles-zeros45', 'damaged TIFF (incorrect data check)'],
    ['tiff-grey-deflate-one-zeros45', 'damaged TIFF (incorrect data check)'],
    ['tiff-1-group3-1-flips75', 'damaged TIFF (0 of 2 strips or tiles)'],
    ['jpeg-420-restart-flips75', /truncated JPEG/],
    ['jpeg-progressive-scans1', 'truncated JPEG (some of its scans are missing)'],
    ['jpeg-progressive-scans9', 'truncated JPEG (some of its scans are missing)'],
    ['jpeg-claims-more-rows', 'truncated JPEG'],
    ['gif-16-1-zeros45', 'damaged GIF (a broken data stream)'],
    ['gif-64-0-zeros45', 'damaged GIF (a broken data stream)'],
    ['gif-animated-cut30', 'truncated GIF'],
    ['png-rgb8-zeros45', /^damaged or truncated PNG/],
    ['webp-lossy-4-cut60', /^damaged or truncated WebP/],
    ['avif-420-cut60', /truncated AVIF/],
  ])('%s', async (name, reason) => {
    await expect(decodeImage(bytesOf(name), { width: 8, height: 6 })).rejects.toThrow(
      expect.objectContaining({
        name: 'InputError',
        message: typeof reason === 'string' ? reason : expect.stringMatching(reason),
      }),
    );
  });
});

describe('a TIFF that would come out wrong is refused by what it is:', () => {
  it.each([
    ['tiff-rgb-zstd-tiles', 'TIFF compressed with ZSTD is not supported: save it with LZW or deflate'],
    ['tiff-rgb-lzma-tiles', 'TIFF compressed with LZMA is not supported: save it with LZW or deflate'],
    ['tiff-old-jpeg-tiles', 'TIFF compressed with old JPEG is not supported: save it with LZW or deflate'],
    ['tiff-64-grey-ii', 'TIFF with samples of 64 bits is not supported: save it with 8 or 16 bits'],
    ['tiff-12bit', 'TIFF with samples of 12 bits is not supported: save it with 8 or 16 bits'],
    [
      'tiff-f16-unit-grey-ii',
      'TIFF with float samples of 16 bits is not supported: save it with 8 or 16 bits',
    ],
    ['tiff-complex', 'TIFF with complex samples of 64 bits is not supported: save it with 8 or 16 bits'],
    ['tiff-ycbcr', 'TIFF in YCbCr without JPEG compression is not supported: save it as RGB'],
    ['tiff-raw-thumbnail', 'a raw camera file is not supported: convert it to JPEG or TIFF'],
    ['tiff-raw-dng', 'a raw camera file is not supported: convert it to JPEG or TIFF'],
    ['tiff-lab', 'TIFF in L*a*b* is not supported: save it as RGB'],
    [
      'tiff-planar-lzw-tiles',
      'TIFF of tiles in separate planes is not supported: save it with interleaved channels',
    ],
    [
      'tiff-i16negative-grey-ii',
      'TIFF with samples from -11694 to 19403, which are not grey levels: save it with 8 or 16 bits, from black at 0',
    ],
  ])('%s', async (name, message) => {
    await expect(decodeImage(bytesOf(name), { width: 8, height: 6 })).rejects.toThrow(
      expect.objectContaining({ name: 'InputError', message }),
    );
  });
});
