/** Which pixels along an axis make a resized pixel, and how much each counts: the tables of Pillow's src/libImaging/Resample.c. */
import type { Interpolation } from './resize.ts';

interface Kernel {
  /** Input pixels on each side of a point that count where nothing shrinks. */
  support: number;
  weight(distance: number): number;
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

const KERNELS: Record<Exclude<Interpolation, 'nearest'>, Kernel> = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: {
    support: 2,
    weight(distance) {
      const x = Math.abs(distance);
      if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
    },
  },
  lanczos: { support: 3, weight: (x) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

/** An axis of `length` pixels, of which `span` from `start` on (in fractions of pixels) become `resized`; `count` of these from `first` on are computed. */
export interface Axis {
  length: number;
  start: number;
  span: number;
  resized: number;
  first: number;
  count: number;
}

/** The taps of each computed pixel, as src/shared/images/kernels/resample.ts reads them. */
export interface Taps {
  /** The first input that counts, and the one behind the last. */
  first: Int32Array;
  end: Int32Array;
  /** Pairs of inputs. */
  pairs: Int32Array;
  /** Numbers from one computed pixel's weights to the next one's. */
  stride: number;
  weights: Int16Array;
}

/** Weights are multiples of 2^-22. */
const ONE = 2 ** 22;
/** Numbers of a pair: the high parts of both weights, then the low ones. */
const PAIR = 4;
const LOW_BITS = 14;

/** Kernels are widened where they shrink. */
export function tapsOf(axis: Axis, interpolation: Exclude<Interpolation, 'nearest'>): Taps {
  const kernel = KERNELS[interpolation];
  const scale = axis.span / axis.resized;
  const widened = Math.max(1, scale);
  const support = kernel.support * widened;
  const stride = (Math.ceil(support) + 1) * PAIR;
  const [first, end, pairs] = Array.from({ length: 3 }, () => new Int32Array(axis.count));
  const weights = new Int16Array(axis.count * stride);
  const shares = new Float64Array(2 * Math.ceil(support) + 1);
  for (let i = 0; i < axis.count; i++) {
    const centre = axis.start + (axis.first + i + 0.5) * scale;
    first[i] = Math.max(0, Math.floor(centre - support + 0.5));
    end[i] = Math.min(axis.length, Math.floor(centre + support + 0.5));
    const taps = end[i] - first[i];
    pairs[i] = (taps + 1) >> 1;
    let whole = 0;
    for (let k = 0; k < taps; k++) {
      shares[k] = kernel.weight((first[i] + k - centre + 0.5) * (1 / widened));
      whole += shares[k];
    }
    for (let k = 0; k < taps; k++) {
      const share = (shares[k] / whole) * ONE;
      const weight = Math.trunc(share < 0 ? share - 0.5 : share + 0.5);
      const index = i * stride + (k >> 1) * PAIR + (k & 1);
      weights[index] = weight >> LOW_BITS;
      weights[index + 2] = weight & ((1 << LOW_BITS) - 1);
    }
  }
  return { first, end, pairs, stride, weights };
}
