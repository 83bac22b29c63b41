/** Interpolation pixel for pixel as Pillow does it, for what libvips does otherwise: enlarging, and nearest neighbours. */
import type { Interpolation } from './resize.ts';

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
  const wide = image.width === width ? image.data : columns(image, width, interpolation);
  return image.height === height ? wide : rows(wide, width, image.height, height, interpolation);
}

function columns({ data, width, height }: Pixels, to: number, interpolation: Interpolation): Uint8Array {
  const { first, count, weights, most } = taps(width, to, interpolation);
  const out = new Uint8ClampedArray(to * height * CHANNELS);
  let o = 0;
  for (let y = 0; y < height; y++) {
    const row = y * width * CHANNELS;
    for (let x = 0; x < to; x++) {
      const from = row + first[x] * CHANNELS;
      for (let c = 0; c < CHANNELS; c++) {
        let sum = 0.5;
        for (let k = 0; k < count[x]; k++) sum += data[from + k * CHANNELS + c] * weights[x * most + k];
        out[o++] = Math.floor(sum);
      }
    }
  }
  return new Uint8Array(out.buffer);
}

function rows(
  data: Uint8Array,
  width: number,
  from: number,
  to: number,
  interpolation: Interpolation,
): Uint8Array {
  const { first, count, weights, most } = taps(from, to, interpolation);
  const stride = width * CHANNELS;
  const out = new Uint8ClampedArray(to * stride);
  let o = 0;
  for (let y = 0; y < to; y++) {
    for (let i = 0; i < stride; i++) {
      let sum = 0.5;
      for (let k = 0; k < count[y]; k++) sum += data[(first[y] + k) * stride + i] * weights[y * most + k];
      out[o++] = Math.floor(sum);
    }
  }
  return new Uint8Array(out.buffer);
}

/** For each of `to` outputs: the first of `from` inputs that count, how many do, and their shares, `most` apart. */
function taps(from: number, to: number, interpolation: Interpolation) {
  const kernel = interpolation === 'nearest' ? undefined : KERNELS[interpolation];
  const most = kernel ? 2 * kernel.support + 1 : 1;
  const first = new Int32Array(to);
  const count = new Int32Array(to).fill(1);
  const weights = new Float64Array(to * most).fill(1);
  for (let i = 0; i < to; i++) {
    const centre = ((i + 0.5) * from) / to;
    first[i] = kernel ? Math.max(0, Math.floor(centre - kernel.support + 0.5)) : Math.floor(centre);
    if (!kernel) continue;
    count[i] = Math.min(from, Math.floor(centre + kernel.support + 0.5)) - first[i];
    const shares = Array.from({ length: count[i] }, (_, k) => kernel.weight(first[i] + k - centre + 0.5));
    const whole = shares.reduce((sum, share) => sum + share, 0);
    for (const [k, share] of shares.entries()) weights[i * most + k] = share / whole;
  }
  return { first, count, weights, most };
}
