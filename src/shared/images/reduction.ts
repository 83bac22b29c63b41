/** What may happen to an image while it is decoded, before it is resized exactly: only what large ones need. */
import type { Interpolation, Size } from './resize.ts';

export interface Reduction {
  /** A JPEG is decoded at a half, a quarter or an eighth of its size, by a smaller cosine transform. */
  scale: 1 | 2 | 4 | 8;
  /** libvips brings an enormous image to this size. */
  reduced?: Size;
}

/** Of the factor by which an image shrinks, so much is left to the exact filter: what remains of the coarse one's errors is halved. */
const MIN_FACTOR_LEFT = 2;
const SCALES = [8, 4, 2] as const;
/** Pixels in memory of an image (100 MB), and along one of its edges. */
const MAX_PIXELS = 2 ** 25;
const MAX_EDGE = 2 ** 16;

/**
 * How an image of `size` is decoded when all of it is to be resized to `resized`. Nearest neighbours are picked from the
 * whole image.
 */
export function reduction(
  size: Size,
  resized: Size,
  { isJpeg, interpolation }: { isJpeg: boolean; interpolation: Interpolation },
): Reduction {
  const factor = Math.min(size.width / resized.width, size.height / resized.height);
  const isScalable = isJpeg && interpolation !== 'nearest';
  const scale = SCALES.find((scale) => isScalable && factor >= scale * MIN_FACTOR_LEFT) ?? 1;
  const edges = [size.width, size.height].map((edge) => Math.floor(edge / scale));
  if (edges[0] * edges[1] <= MAX_PIXELS && Math.max(...edges) <= MAX_EDGE) return { scale };
  const bounded = edges.map((edge) => Math.min(edge, MAX_EDGE));
  const share = Math.min(1, Math.sqrt(MAX_PIXELS / (bounded[0] * bounded[1])));
  const [width, height] = bounded.map((edge) => Math.max(1, Math.floor(edge * share)));
  return { scale: 1, reduced: { width, height } };
}
