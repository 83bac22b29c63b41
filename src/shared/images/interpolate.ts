/** Interpolation pixel for pixel as Pillow does it, for what libvips does otherwise: enlarging, and nearest neighbours. */
import { readFileSync } from 'node:fs';
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

/** The functions of kernels/resample.ts; see there for their arguments. */
interface Resampler {
  memory: WebAssembly.Memory;
  columns(...args: number[]): void;
  rows(...args: number[]): void;
}

const PAGE_BYTES = 65_536;
/** What a kernel may read and write behind its arrays. */
const SLACK_BYTES = 8;

/** Compiled by `npm run build:kernels`; source and build both lie three folders below the package. */
const RESAMPLER = new URL('../../../dist/shared/images/kernels/resample.wasm', import.meta.url);
let resampler: Resampler | undefined;

function openResampler(): Resampler {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const module = new WebAssembly.Module(readFileSync(RESAMPLER));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  return { ...(exports as unknown as Omit<Resampler, 'memory'>), memory };
}

/** One axis with `to` pixels. */
function resampled(
  axis: 'columns' | 'rows',
  { data, width, height }: Pixels,
  to: number,
  kernel: Kernel,
): Pixels {
  resampler ??= openResampler();
  const { memory } = resampler;
  const { first, count, weights, most } = taps(axis === 'columns' ? width : height, to, kernel);
  const size = axis === 'columns' ? { width: to, height } : { width, height: to };
  const bytes = size.width * size.height * CHANNELS;

  // The first page is the kernels' own; weights come first, since they are read as whole numbers of 8 bytes.
  let end = PAGE_BYTES;
  const place = (length: number): number => {
    const at = end;
    end += Math.ceil((length + SLACK_BYTES) / 8) * 8;
    return at;
  };
  const [w, f, c] = [weights, first, count].map(({ byteLength }) => place(byteLength));
  const [source, target] = [place(data.length), place(bytes)];
  const lacking = Math.ceil((end - memory.buffer.byteLength) / PAGE_BYTES);
  if (lacking > 0) memory.grow(lacking);
  new Float64Array(memory.buffer, w).set(weights);
  new Int32Array(memory.buffer, f).set(first);
  new Int32Array(memory.buffer, c).set(count);
  new Uint8Array(memory.buffer, source).set(data);
  if (axis === 'columns') resampler.columns(source, target, width, height, to, f, c, w, most);
  else resampler.rows(source, target, width * CHANNELS, to, f, c, w, most);
  return { data: new Uint8Array(memory.buffer, target, bytes).slice(), ...size };
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
