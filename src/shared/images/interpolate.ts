/** Interpolation pixel for pixel as Pillow does it, for what libvips does otherwise: enlarging, and nearest neighbours. */
import { imageKernels } from './image-kernels.ts';
import type { Interpolation, Size } from './resize.ts';

/** 8-bit pixels, rows from the top, channels interleaved: `data[(y * width + x) * 3 + c]`. */
export interface Pixels {
  data: Uint8Array;
  width: number;
  height: number;
}

const CHANNELS = 3;

interface Kernel {
  /** Input pixels on each side of a point that count. */
  support: number;
  weight(distance: number): number;
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

/** Those of Pillow's src/libImaging/Resample.c. */
const KERNELS: Record<Exclude<Interpolation, 'nearest'>, Kernel> = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: {
    support: 2,
    weight(distance) {
      const x = Math.abs(distance);
      if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
      return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
    },
  },
  lanczos: { support: 3, weight: (x) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

/**
 * Resizes RGB pixels to `width` x `height`; axes that already fit are left as they are. Kernels are not widened, so
 * that only nearest neighbours shrink well.
 *
 * libvips samples an enlarged image half an output pixel off (with its `linear` kernel the mean error against
 * Pillow is 4 grey levels), so sharp shrinks and this enlarges. Like Pillow, columns come before rows, pixel
 * centres are aligned and each pass rounds to 8 bits.
 */
export function interpolate(
  image: Pixels,
  width: number,
  height: number,
  interpolation: Interpolation,
): Uint8Array {
  return interpolation === 'nearest'
    ? picked(image, { width, height })
    : enlarged(image, width, height, KERNELS[interpolation]);
}

/** Enlarges with a kernel, each axis that does not fit. */
function enlarged(image: Pixels, width: number, height: number, kernel: Kernel): Uint8Array {
  const { data: wide } = image.width === width ? image : resampled('columns', image, width, kernel);
  if (image.height === height) return wide;
  return resampled('rows', { data: wide, width, height: image.height }, height, kernel).data;
}

/** The nearest pixels. */
function picked({ data, width, height }: Pixels, to: Size): Uint8Array {
  const nearest = (at: number, from: number, count: number) => Math.floor(((at + 0.5) * from) / count);
  const out = new Uint8Array(to.width * to.height * CHANNELS);
  const columns = Int32Array.from({ length: to.width }, (_, x) => nearest(x, width, to.width) * CHANNELS);
  let o = 0;
  for (let y = 0; y < to.height; y++) {
    const row = nearest(y, height, to.height) * width * CHANNELS;
    for (const column of columns) for (let c = 0; c < CHANNELS; c++) out[o++] = data[row + column + c];
  }
  return out;
}

/** One axis with `to` pixels. */
function resampled(
  axis: 'columns' | 'rows',
  { data, width, height }: Pixels,
  to: number,
  kernel: Kernel,
): Pixels {
  const { first, count, weights, most } = taps(axis === 'columns' ? width : height, to, kernel);
  const size = axis === 'columns' ? { width: to, height } : { width, height: to };
  const bytes = size.width * size.height * CHANNELS;
  const lengths = [data.length, bytes, first.byteLength, count.byteLength, weights.byteLength];
  const { buffer, addresses, columns, rows } = imageKernels(lengths);
  const [source, target, firstAt, countAt, weightsAt] = addresses;
  new Uint8Array(buffer, source).set(data);
  new Int32Array(buffer, firstAt).set(first);
  new Int32Array(buffer, countAt).set(count);
  new Float64Array(buffer, weightsAt).set(weights);
  if (axis === 'columns') columns(source, target, width, height, to, firstAt, countAt, weightsAt, most);
  else rows(source, target, width * CHANNELS, to, firstAt, countAt, weightsAt, most);
  return { data: new Uint8Array(buffer, target, bytes).slice(), ...size };
}

/** For each of `to` outputs: the first of `from` inputs that count, how many do, and their shares, `most` apart. */
function taps(from: number, to: number, kernel: Kernel) {
  const most = 2 * kernel.support + 1;
  const first = new Int32Array(to);
  const count = new Int32Array(to);
  const weights = new Float64Array(to * most);
  for (let i = 0; i < to; i++) {
    const centre = ((i + 0.5) * from) / to;
    first[i] = Math.max(0, Math.floor(centre - kernel.support + 0.5));
    count[i] = Math.min(from, Math.floor(centre + kernel.support + 0.5)) - first[i];
    const shares = Array.from({ length: count[i] }, (_, k) => kernel.weight(first[i] + k - centre + 0.5));
    const whole = shares.reduce((sum, share) => sum + share, 0);
    for (const [k, share] of shares.entries()) weights[i * most + k] = share / whole;
  }
  return { first, count, weights, most };
}
