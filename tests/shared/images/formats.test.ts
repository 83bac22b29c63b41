import { describe, expect, it } from 'vitest';
import { hasImageExtension, imageFormat } from '../../../src/shared/images/formats.ts';

/** An ISO media file that begins with these brands, the major one first. */
function media(...brands: string[]): Buffer {
  const box = Buffer.alloc(16 + 4 * (brands.length - 1));
  box.writeUInt32BE(box.length);
  box.write(`ftyp${brands[0]}`, 4, 'latin1');
  box.write(brands.slice(1).join(''), 16, 'latin1');
  return Buffer.concat([box, Buffer.alloc(40)]);
}

describe('hasImageExtension', () => {
  it.each([
    'a.jpg',
    'a.JPEG',
    'a.jfif',
    'a.jpe',
    'a.png',
    'a.webp',
    'a.gif',
    'a.tif',
    'a.TIFF',
    'a.avif',
    // Not decoded, and for that listed rather than skipped.
    'a.bmp',
    'a.dib',
    'a.HEIC',
    'a.heif',
    'a.jp2',
    'a.j2k',
    'a.jxl',
    'a.ico',
    'a.ppm',
    'a.pgm',
    'a.pbm',
    'a.svg',
    'a.psd',
    'a.dng',
    'a.cr2',
    'a.nef',
    'a.dcm',
    'a.exr',
    'a.tga',
  ])('knows %s', (name) => {
    expect(hasImageExtension(name)).toBe(true);
  });

  it.each(['a.txt', 'a.csv', 'jpg', 'a.jpg.txt', 'a.mp4', 'a.pdf', 'a.xmp'])('passes over %s', (name) => {
    expect(hasImageExtension(name)).toBe(false);
  });
});

describe('imageFormat', () => {
  it.each([
    ['the major brand avif', media('avif', 'mif1', 'miaf')],
    ['the major brand avis', media('avis', 'avif', 'msf1')],
    ['the major brand mif1', media('mif1', 'miaf', 'avif')],
    ['another major brand', media('miaf', 'mif1', 'avif')],
  ])('takes %s for AVIF where avif is among the brands', (_, bytes) => {
    expect(imageFormat(bytes)).toBe('AVIF');
  });

  it.each([
    ['HEIC', media('heic', 'mif1')],
    ['HEIC', media('mif1', 'heic')],
    ['HEIC', media('msf1', 'hevc')],
    ['JPEG 2000', Buffer.from('0000000c6a5020200d0a870a', 'hex')],
    ['JPEG 2000', Buffer.from('ff4fff5100', 'hex')],
    ['JPEG XL', Buffer.from('ff0a0000', 'hex')],
    ['JPEG XL', Buffer.from('0000000c4a584c200d0a870a', 'hex')],
    ['JPEG XR', Buffer.from('4949bc01', 'hex')],
    ['BMP', Buffer.from('BM\0\0\0\0')],
    ['ICO', Buffer.from('000001000100', 'hex')],
    ['PNM .PBM, PGM, PPM, PAM.', Buffer.from('P6\n4 4\n255\n')],
    ['PSD', Buffer.from('8BPS\0\x01')],
    ['OpenEXR', Buffer.from('v/1\x01')],
    ['Radiance HDR', Buffer.from('#?RADIANCE\n')],
    ['DICOM', Buffer.concat([Buffer.alloc(128), Buffer.from('DICM')])],
    ['a raw camera file', Buffer.from('II*\0\x10\0\0\0CR\x02\0', 'latin1')],
    ['a raw camera file', Buffer.from('FUJIFILMCCD-RAW 0201')],
    ['a raw camera file', media('crx ', 'isom')],
    ['SVG', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')],
  ])('says that %s is not supported, and what to do', (name, bytes) => {
    expect(() => imageFormat(bytes)).toThrow(
      expect.objectContaining({
        name: 'InputError',
        message: expect.stringMatching(new RegExp(`^${name} is .*: (convert|save|render) it`)),
      }),
    );
  });

  it('takes a video for no image', () => {
    expect(() => imageFormat(media('isom', 'mp42'))).toThrow(/^not an image/);
  });
});
