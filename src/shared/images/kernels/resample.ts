/**
 * Weighted sums of 8-bit pixels (AssemblyScript, not TypeScript), as {@link resample} defines them: in int32, from a half on,
 * tap by tap, shifted down and kept within 0 and 255.
 *
 * Weights are fixed-point numbers of 22 bits behind the point, as in Pillow. The 16-bit products that SIMD adds in pairs
 * need them in two parts, weight = high * 2^14 + low, and two taps at a time: high of both (int16), then low of both. An
 * odd last tap has a partner of weight 0.
 */

/** Numbers of a pixel. */
const CHANNELS: usize = 3;
/** Bytes of a pair of weights. */
const PAIR: usize = 8;
const LOW_BITS: i32 = 14;
const POINT: i32 = 22;

/**
 * Each of `height` rows from `width` to `to` pixels; reads up to 7 numbers behind the last row, writes one.
 * @param first of each output, the first input that counts (int32)
 * @param pairs of each output, how many pairs of inputs do (int32)
 * @param weights of each output, its pairs, `step` bytes apart
 */
export function columns(
  source: usize, target: usize, width: usize, height: usize, to: usize,
  first: usize, pairs: usize, weights: usize, step: usize,
): void {
  const half = i32x4.splat(1 << (POINT - 1));
  for (let y: usize = 0; y < height; y++) {
    const row = source + y * width * CHANNELS;
    let out = target + y * to * CHANNELS;
    for (let x: usize = 0; x < to; x++) {
      let from = row + <usize>load<i32>(first + (x << 2)) * CHANNELS;
      let pair = weights + x * step;
      const end = pair + <usize>load<i32>(pairs + (x << 2)) * PAIR;
      let high = i32x4.splat(0);
      let low = half;
      for (; pair < end; pair += PAIR) {
        // Red, green and blue of one pixel beside those of the next, as int16.
        const both = i8x16.swizzle(
          v128.load64_zero(from),
          i8x16(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1),
        );
        high = i32x4.add(high, i32x4.dot_i16x8_s(both, v128.load32_splat(pair)));
        low = i32x4.add(low, i32x4.dot_i16x8_s(both, v128.load32_splat(pair, 4)));
        from += 2 * CHANNELS;
      }
      const levels = i16x8.narrow_i32x4_s(level(high, low), half);
      v128.store32_lane(out, i8x16.narrow_i16x8_u(levels, levels), 0);
      out += CHANNELS;
    }
  }
}

/** Sums as grey levels, not yet kept within 0 and 255. */
// @ts-expect-error: decorators are AssemblyScript's
@inline
function level(high: v128, low: v128): v128 {
  return i32x4.shr_s(i32x4.add(i32x4.shl(high, LOW_BITS), low), POINT);
}

/**
 * Rows of `stride` numbers to `to` rows; reads up to a row and 7 numbers behind the last one, writes up to 7 numbers.
 * @param first as for {@link columns}, of rows
 */
export function rows(
  source: usize, target: usize, stride: usize, to: usize,
  first: usize, pairs: usize, weights: usize, step: usize,
): void {
  const half = i32x4.splat(1 << (POINT - 1));
  const none = i32x4.splat(0);
  for (let y: usize = 0; y < to; y++) {
    const top = source + <usize>load<i32>(first + (y << 2)) * stride;
    const start = weights + y * step;
    const end = start + <usize>load<i32>(pairs + (y << 2)) * PAIR;
    const out = target + y * stride;
    for (let i: usize = 0; i < stride; i += 8) {
      let high0 = none;
      let high1 = none;
      let low0 = half;
      let low1 = half;
      let from = top + i;
      for (let pair = start; pair < end; pair += PAIR) {
        // Numbers of one row beside those of the next.
        const both = v128.shuffle<u8>(
          v128.load64_zero(from),
          v128.load64_zero(from + stride),
          0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23,
        );
        const left = i16x8.extend_low_i8x16_u(both);
        const right = i16x8.extend_high_i8x16_u(both);
        const high = v128.load32_splat(pair);
        const low = v128.load32_splat(pair, 4);
        high0 = i32x4.add(high0, i32x4.dot_i16x8_s(left, high));
        high1 = i32x4.add(high1, i32x4.dot_i16x8_s(right, high));
        low0 = i32x4.add(low0, i32x4.dot_i16x8_s(left, low));
        low1 = i32x4.add(low1, i32x4.dot_i16x8_s(right, low));
        from += 2 * stride;
      }
      const levels = i16x8.narrow_i32x4_s(level(high0, low0), level(high1, low1));
      v128.store64_lane(out + i, i8x16.narrow_i16x8_u(levels, levels), 0);
    }
  }
}
