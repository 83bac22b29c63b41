/** Resizing pixel for pixel as Pillow does it. */
import { imageKernels } from './image-kernels.ts';
import type { Interpolation, Size } from './resize.ts';
import { type Taps, tapsOf } from './taps.ts';

/** 8-bit pixels, rows from the top, channels interleaved: `data[(y * width + x) * channels + c]`. */
export interface Pixels extends Size {
  data: Uint8Array;
  channels: 1 | 3;
}

/** A rectangle of pixels. */
export interface Rectangle extends Size {
  left: number;
  top: number;
}

/** What becomes of an image: `box` of it (in fractions of its pixels) is resized to `resized`, and `part` of that computed. */
export interface Resizing {
  box: Rectangle;
  resized: Size;
  part: Rectangle;
}

const CHANNELS = 3;

/**
 * Resizes to RGB pixels. Pillow's results to the bit (to the pixel for nearest): kernels are widened where they shrink, pixel
 * centres are aligned, columns come before rows, weights are fixed-point numbers and each pass rounds to 8 bits.
 */
export function interpolate(image: Pixels, how: Resizing, interpolation: Interpolation): Uint8Array {
  const { box, resized, part } = how;
  if (interpolation === 'nearest') return picked(image, how);
  if (isWhole(image, box) && isWhole(image, part) && isWhole(resized, part))
    return image.channels === 3 ? image.data : inColour(image.data);
  const across = tapsOf(
    {
      length: image.width,
      start: box.left,
      span: box.width,
      resized: resized.width,
      first: part.left,
      count: part.width,
    },
    interpolation,
  );
  const down = tapsOf(
    {
      length: image.height,
      start: box.top,
      span: box.height,
      resized: resized.height,
      first: part.top,
      count: part.height,
    },
    interpolation,
  );
  return resampled(image, across, down);
}

function isWhole({ width, height }: Size, rectangle: Rectangle): boolean {
  const { left, top } = rectangle;
  return left === 0 && top === 0 && rectangle.width === width && rectangle.height === height;
}

/** The nearest pixels. */
function picked({ data, width, height, channels }: Pixels, { resized, part }: Resizing): Uint8Array {
  const nearest = (index: number, from: number, count: number) => Math.floor(((index + 0.5) * from) / count);
  const out = new Uint8Array(part.width * part.height * CHANNELS);
  const columns = Int32Array.from(
    { length: part.width },
    (_, x) => nearest(part.left + x, width, resized.width) * channels,
  );
  const step = channels === 3 ? 1 : 0;
  let o = 0;
  for (let y = 0; y < part.height; y++) {
    const row = nearest(part.top + y, height, resized.height) * width * channels;
    for (const column of columns) for (let c = 0; c < CHANNELS; c++) out[o++] = data[row + column + c * step];
  }
  return out;
}

/** Bytes of a strip of rows in the kernels' memory, which never shrinks; a strip has one row at least. */
const MAX_STRIP_BYTES = 4 * 1024 * 1024;

/** Both axes, in strips of as many rows as fit. */
function resampled(image: Pixels, across: Taps, down: Taps): Uint8Array {
  const width = across.first.length;
  const height = down.first.length;
  const out = new Uint8Array(width * height * CHANNELS);
  const maxRows = MAX_STRIP_BYTES / (Math.max(image.width, width) * CHANNELS);
  for (let y = 0, next: number; y < height; y = next) {
    next = y + 1;
    while (next < height && Math.max(down.end[next] - down.first[y], next - y) < maxRows) next++;
    out.set(strip(image, across, down, y, next), y * width * CHANNELS);
  }
  return out;
}

/** Rows `y` to `next` of the result, a view of the kernels' memory. */
function strip(image: Pixels, across: Taps, down: Taps, y: number, next: number): Uint8Array {
  const top = down.first[y];
  const height = down.end[next - 1] - top;
  const width = across.first.length;
  const first = down.first.slice(y, next).map((row) => row - top);
  const pairs = down.pairs.slice(y, next);
  const weights = down.weights.subarray(y * down.stride, next * down.stride);
  const tables = [across.first, across.pairs, across.weights, first, pairs, weights];
  const outBytes = (next - y) * width * CHANNELS;
  const { buffer, addresses, columns, rows } = imageKernels([
    height * image.width * CHANNELS,
    // The last of an odd number of taps has a partner of weight 0, a row further.
    (height + 1) * width * CHANNELS,
    outBytes,
    ...tables.map(({ byteLength }) => byteLength),
  ]);
  const [source, wide, target, ...tableAddresses] = addresses;
  for (const [i, table] of tables.entries()) {
    const bytes = new Uint8Array(table.buffer, table.byteOffset, table.byteLength);
    new Uint8Array(buffer, tableAddresses[i]).set(bytes);
  }
  const stride = image.width * image.channels;
  const pixels = image.data.subarray(top * stride, (top + height) * stride);
  new Uint8Array(buffer, source).set(image.channels === 3 ? pixels : inColour(pixels));
  const [acrossFirst, acrossPairs, acrossWeights, downFirst, downPairs, downWeights] = tableAddresses;
  const [acrossStep, downStep] = [across.stride * 2, down.stride * 2];
  columns(source, wide, image.width, height, width, acrossFirst, acrossPairs, acrossWeights, acrossStep);
  rows(wide, target, width * CHANNELS, next - y, downFirst, downPairs, downWeights, downStep);
  return new Uint8Array(buffer, target, outBytes);
}

function inColour(grey: Uint8Array): Uint8Array {
  const rgb = new Uint8Array(grey.length * CHANNELS);
  for (let i = 0, o = 0; i < grey.length; i++) {
    rgb[o++] = grey[i];
    rgb[o++] = grey[i];
    rgb[o++] = grey[i];
  }
  return rgb;
}
