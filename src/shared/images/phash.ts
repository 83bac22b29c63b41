/** A perceptual hash: images that look alike (resized, re-encoded, slightly retouched) have hashes that differ in few bits. */
import type { Size } from './resize.ts';

/** Images are looked at as this many grey cells squared. */
const CELLS = 32;
/** Of the cosine transform, this many lowest frequencies squared are kept: 64 bits. */
const KEPT = 8;
/** An image whose cells differ less than this many grey levels (standard deviation) looks like any other: no hash. */
const MIN_CONTRAST = 2;

/** [KEPT, CELLS] of the DCT-II. */
const COSINES = Float64Array.from({ length: KEPT * CELLS }, (_, i) => {
  const [frequency, cell] = [Math.floor(i / CELLS), i % CELLS];
  return Math.cos((Math.PI * (2 * cell + 1) * frequency) / (2 * CELLS));
});

/**
 * The hash of RGB pixels (rows from the top): for each of the 64 lowest frequencies of the cosine transform whether it
 * is above their median (Zauner 2010, the DCT method).
 * @returns 16 hex digits, or null for an image without contrast
 */
export function perceptualHash(pixels: Uint8Array, size: Size): string | null {
  const grey = greyCells(pixels, size);
  const mean = grey.reduce((sum, value) => sum + value, 0) / grey.length;
  const variance = grey.reduce((sum, value) => sum + (value - mean) ** 2, 0) / grey.length;
  if (variance < MIN_CONTRAST ** 2) return null;
  const frequencies = lowFrequencies(grey);
  // The first is the brightness, which says nothing about what is seen.
  const median = [...frequencies.subarray(1)].sort((a, b) => a - b)[(KEPT * KEPT - 1) >> 1];
  let hash = 0n;
  for (const value of frequencies) hash = (hash << 1n) | (value > median ? 1n : 0n);
  return hash.toString(16).padStart(16, '0');
}

/** Mean luma (ITU-R BT.601) of each cell. */
function greyCells(pixels: Uint8Array, { width, height }: Size): Float64Array {
  const grey = new Float64Array(CELLS * CELLS);
  for (let row = 0; row < CELLS; row++) {
    const [top, bottom] = span(row, height);
    for (let column = 0; column < CELLS; column++) {
      const [left, right] = span(column, width);
      let sum = 0;
      for (let y = top; y < bottom; y++) {
        for (let x = left; x < right; x++) {
          const offset = (y * width + x) * 3;
          sum += 0.299 * pixels[offset] + 0.587 * pixels[offset + 1] + 0.114 * pixels[offset + 2];
        }
      }
      grey[row * CELLS + column] = sum / ((bottom - top) * (right - left));
    }
  }
  return grey;
}

/** The pixels of one of the cells along an axis; at least one. */
function span(cell: number, pixels: number): [from: number, to: number] {
  const from = Math.floor((cell * pixels) / CELLS);
  return [from, Math.max(from + 1, Math.floor(((cell + 1) * pixels) / CELLS))];
}

function lowFrequencies(grey: Float64Array): Float64Array {
  const rows = new Float64Array(KEPT * CELLS);
  for (let f = 0; f < KEPT; f++) {
    for (let y = 0; y < CELLS; y++) {
      for (let x = 0; x < CELLS; x++) rows[f * CELLS + y] += COSINES[f * CELLS + x] * grey[y * CELLS + x];
    }
  }
  const frequencies = new Float64Array(KEPT * KEPT);
  for (let v = 0; v < KEPT; v++) {
    for (let u = 0; u < KEPT; u++) {
      for (let y = 0; y < CELLS; y++)
        frequencies[v * KEPT + u] += COSINES[v * CELLS + y] * rows[u * CELLS + y];
    }
  }
  return frequencies;
}
