/** Opens an image file: whole, upright, and of 8 bits a channel before it is resized. */
import sharp, { type Sharp, type SharpOptions } from 'sharp';
import { InputError } from '../errors.ts';
import { isDeep, type Note, type RawImage, toLevels } from './depth.ts';
import type { ImageFormat } from './formats.ts';
import { decodeGif } from './gif.ts';
import { checkScans, cleanJpeg } from './jpeg.ts';
import { hiddenOrientation } from './orientation.ts';
import { checkTiff } from './tiff/check.ts';
import { cleanTiff } from './tiff/clean.ts';

/** What ends decoding: a warning where errors are only warned of and pixels are grey or black then. */
const FAIL_ON: Readonly<Record<ImageFormat, SharpOptions['failOn']>> = {
  JPEG: 'warning',
  TIFF: 'warning',
  PNG: 'truncated',
  GIF: 'truncated',
  WebP: 'truncated',
  AVIF: 'truncated',
};

/** Copies of files that decoders warn of, without what in their headers they may have warned of. */
const CLEAN: Partial<Record<ImageFormat, (bytes: Buffer) => Buffer>> = { JPEG: cleanJpeg, TIFF: cleanTiff };

export interface Opened {
  image: Sharp;
  /** The file itself where it is a JPEG that may be decoded at a fraction of its size. */
  jpeg?: { bytes: Buffer; options: SharpOptions };
}

/**
 * Decodes with an image of the file, and once more, if that fails, with one of a copy whose header is clean: the
 * second failure is about the pixels.
 */
export async function withImage<T>(
  bytes: Buffer,
  format: ImageFormat,
  note: Note,
  decode: (opened: Opened) => Promise<T>,
): Promise<T> {
  try {
    return await decode(await open(bytes, format, note));
  } catch (thrown) {
    const clean = thrown instanceof InputError ? undefined : CLEAN[format]?.(bytes);
    if (!clean) throw thrown;
    return decode(await open(clean, format, note));
  }
}

async function open(bytes: Buffer, format: ImageFormat, note: Note): Promise<Opened> {
  if (format === 'GIF') {
    const { data, width, height, channels } = await decodeGif(bytes);
    return { image: fromRaw({ data, info: { width, height, channels } }) };
  }
  if (format === 'TIFF') await checkTiff(bytes);
  if (format === 'JPEG') checkScans(bytes);
  const options = { ignoreIcc: true, autoOrient: true, sequentialRead: true, failOn: FAIL_ON[format] };
  const image = sharp(format === 'AVIF' ? asAvif(bytes) : bytes, options);
  const orientation = hiddenOrientation(bytes, format);
  if (format === 'JPEG' && orientation === 1) return { image, jpeg: { bytes, options } };
  const metadata = await image.metadata();
  if (isDeep(format, metadata)) {
    return { image: await upright(await toLevels(image, metadata, note), orientation) };
  }
  if (!metadata.hasAlpha && orientation === 1) return { image };
  // sharp multiplies colours by alpha before it resizes; dropping alpha in a step of its own prevents that.
  const rgb = image.toColourspace('srgb').removeAlpha().raw();
  return { image: await upright(await rgb.toBuffer({ resolveWithObject: true }), orientation) };
}

/** By EXIF orientation: degrees to turn by, and whether to mirror then. */
const TURNS: Readonly<Record<number, [degrees: number, isMirrored: boolean]>> = {
  1: [0, false],
  2: [0, true],
  3: [180, false],
  4: [180, true],
  5: [90, true],
  6: [90, false],
  7: [270, true],
  8: [270, false],
};

async function upright(raw: RawImage, orientation: number): Promise<Sharp> {
  const [degrees, isMirrored] = TURNS[orientation];
  let turned = raw;
  if (degrees > 0) turned = await fromRaw(turned).rotate(degrees).raw().toBuffer({ resolveWithObject: true });
  if (isMirrored) turned = await fromRaw(turned).flop().raw().toBuffer({ resolveWithObject: true });
  return fromRaw(turned);
}

function fromRaw({ data, info: { width, height, channels } }: RawImage): Sharp {
  return sharp(data, { raw: { width, height, channels } });
}

/** libvips knows the format by its major brand alone. */
function asAvif(bytes: Buffer): Buffer {
  if (bytes.toString('latin1', 8, 12) === 'avif') return bytes;
  const copy = Buffer.from(bytes);
  copy.write('avif', 8, 'latin1');
  return copy;
}
