/** From the bytes of an image file to RGB pixels of the size a backbone wants. */
import sharp, { type Sharp } from 'sharp';
import { InputError, messageOf } from '../errors.ts';
import type { Note } from './depth.ts';
import { type ImageFormat, imageFormat } from './formats.ts';
import { interpolate, type Pixels, type Rectangle } from './interpolate.ts';
import { type Opened, withImage } from './open.ts';
import { reduction } from './reduction.ts';
import { DEFAULT_RESIZE, type Placement, placement, type Resize, type Size } from './resize.ts';
import { withScaledJpeg } from './scaled-jpeg.ts';

// Images are decoded many at a time, so threads inside one image, and a cache of images never seen again, only cost.
sharp.concurrency(1);
sharp.cache(false);

/**
 * Decodes an image and resizes it (by default both axes independently, antialiased bilinear) to RGB, 8 bits a
 * channel, rows from the top: `height * width * 3` bytes.
 *
 * What it does is what Pillow's `convert('RGB')` and Keras's `load_img` do, because published weights and the
 * numbers people compare with come from there: colour profiles are ignored, alpha is dropped (a transparent pixel
 * keeps its colour; nothing is painted behind it), palettes and grey become RGB, of an animation or a multi-page
 * file the first frame counts. Beyond Pillow: orientation is applied, samples of more than 8 bits are scaled to 8 by
 * what they use, and CMYK goes through libvips' standard CMYK profile, since it has no meaning without one.
 * Pixels equal Pillow's where an image is decoded whole; of JPEGs at least four times as large as they become, see
 * docs/resizing.md.
 *
 * @throws InputError whose message is the reason alone (`empty file`, `truncated JPEG`), for the caller to put the path before
 */
export async function decodeImage(
  bytes: Buffer,
  size: Size,
  resize = DEFAULT_RESIZE,
  note: Note = () => {},
): Promise<Uint8Array> {
  const format = imageFormat(bytes);
  try {
    return await withImage(bytes, format, note, (opened) => resized(opened, size, resize));
  } catch (thrown) {
    if (thrown instanceof InputError) throw thrown;
    throw new InputError(reason(format, messageOf(thrown)));
  }
}

async function resized({ image, jpeg }: Opened, frame: Size, resize: Resize): Promise<Uint8Array> {
  const { autoOrient: upright, orientation = 1 } = await image.metadata();
  const placed = placement(upright, frame, resize);
  const how = { isJpeg: jpeg !== undefined, interpolation: resize.interpolation };
  const { scale, reduced } = reduction(upright, placed.resized, how);
  const isScaled = jpeg !== undefined && scale > 1;
  const pixels = isScaled
    ? await withScaledJpeg(jpeg.bytes, scale, (name) => read(sharp(name, jpeg.options)))
    : await read(image, reduced);
  const box = isScaled
    ? scaledBox(upright, scale, orientation)
    : { left: 0, top: 0, width: pixels.width, height: pixels.height };
  const part = visible(placed, frame);
  const rgb = interpolate(pixels, { box, resized: placed.resized, part }, resize.interpolation);
  return framed(rgb, part, placed, frame);
}

/** The pixels of an image, or of what libvips reduces it to. */
async function read(image: Sharp, reduced?: Size): Promise<Pixels> {
  const rgb = toRgb(image);
  const whole = reduced ? rgb.resize({ ...reduced, fit: 'fill', kernel: 'linear' }) : rgb;
  const { data, info } = await whole.raw().toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height, channels: info.channels === 3 ? 3 : 1 };
}

/** EXIF orientations in which the left or the top edge of an upright image is the stored image's right or bottom one. */
const LEFT_IS_LAST: ReadonlySet<number> = new Set([2, 3, 6, 7]);
const TOP_IS_LAST: ReadonlySet<number> = new Set([3, 4, 7, 8]);

/** Where an upright image lies in its pixels at 1/`scale`: libvips leaves out what is left of stored columns and rows. */
function scaledBox({ width, height }: Size, scale: number, orientation: number): Rectangle {
  const leftOut = (edge: number): number => (edge % scale) / scale;
  return {
    left: LEFT_IS_LAST.has(orientation) ? -leftOut(width) : 0,
    top: TOP_IS_LAST.has(orientation) ? -leftOut(height) : 0,
    width: width / scale,
    height: height / scale,
  };
}

/** What of the resized image is inside the frame. */
function visible({ resized, left, top }: Placement, frame: Size): Rectangle {
  return {
    left: Math.max(0, -left),
    top: Math.max(0, -top),
    width: Math.min(resized.width, frame.width),
    height: Math.min(resized.height, frame.height),
  };
}

/** The visible part of a resized image in a black frame. */
function framed(rgb: Uint8Array, part: Rectangle, { left, top }: Placement, frame: Size): Uint8Array {
  if (part.width === frame.width && part.height === frame.height) return rgb;
  const out = new Uint8Array(frame.width * frame.height * 3);
  for (let y = 0; y < part.height; y++) {
    const row = rgb.subarray(y * part.width * 3, (y + 1) * part.width * 3);
    out.set(row, ((y + Math.max(0, top)) * frame.width + Math.max(0, left)) * 3);
  }
  return out;
}

function toRgb(image: Sharp): Sharp {
  return image.toColourspace('srgb').removeAlpha();
}

/** sharp's message, which may run over many lines, as one short reason. */
function reason(format: ImageFormat, message: string): string {
  const last = message.trim().split('\n').at(-1)!;
  if (/premature end|unexpected end|got \d+ bytes, expected|bad seek/i.test(message))
    return `truncated ${format}`;
  if (/pixel limit/i.test(message)) return `${format} of more pixels than the limit of 268 million`;
  // libvips keeps one message for all threads, which another image may have taken away.
  if (/unknown error/i.test(last)) return `damaged or truncated ${format}`;
  return `damaged or truncated ${format} (${last.replace(/^Input (buffer|file) (has|contains) /, '').slice(0, 120)})`;
}
