/**
 * Weighted sums of 8-bit pixels (AssemblyScript, not TypeScript), as {@link interpolate} defines them: in float64, from 0.5 on tap by
 * tap, rounded down and kept within 0 and 255.
 */

/** Numbers of a pixel. */
const CHANNELS: usize = 3;

/**
 * Each of `height` rows from `width` to `to` pixels.
 * @param first of each output, the first input that counts (int32)
 * @param count of each output, how many do (int32)
 * @param weights of each output, their shares (float64), `most` apart
 */
export function columns(
  source: usize, target: usize, width: usize, height: usize, to: usize,
  first: usize, count: usize, weights: usize, most: usize,
): void {
  for (let y: usize = 0; y < height; y++) {
    const row = source + y * width * CHANNELS;
    let out = target + y * to * CHANNELS;
    for (let x: usize = 0; x < to; x++) {
      let from = row + <usize>load<i32>(first + (x << 2)) * CHANNELS;
      const end = from + <usize>load<i32>(count + (x << 2)) * CHANNELS;
      let share = weights + ((x * most) << 3);
      let red = 0.5;
      let green = 0.5;
      let blue = 0.5;
      for (; from < end; from += CHANNELS) {
        const weight = load<f64>(share);
        red += <f64>load<u8>(from) * weight;
        green += <f64>load<u8>(from, 1) * weight;
        blue += <f64>load<u8>(from, 2) * weight;
        share += 8;
      }
      store<u8>(out, level(red));
      store<u8>(out, level(green), 1);
      store<u8>(out, level(blue), 2);
      out += CHANNELS;
    }
  }
}

// @ts-expect-error: decorators are AssemblyScript's
@inline
function level(sum: f64): u8 {
  return <u8>min(max(Math.floor(sum), 0), 255);
}

/**
 * Rows of `stride` numbers to `to` rows; reads and writes up to 7 numbers behind the last row.
 * @param first as for {@link columns}, of rows
 */
export function rows(
  source: usize, target: usize, stride: usize, to: usize,
  first: usize, count: usize, weights: usize, most: usize,
): void {
  const half = f64x2.splat(0.5);
  for (let y: usize = 0; y < to; y++) {
    const top = source + <usize>load<i32>(first + (y << 2)) * stride;
    const taps = <usize>load<i32>(count + (y << 2));
    const shares = weights + ((y * most) << 3);
    const out = target + y * stride;
    for (let i: usize = 0; i < stride; i += 8) {
      let a = half;
      let b = half;
      let c = half;
      let d = half;
      let from = top + i;
      for (let tap: usize = 0; tap < taps; tap++) {
        const weight = v128.load64_splat(shares + (tap << 3));
        const levels = v128.load8x8_u(from);
        const low = i32x4.extend_low_i16x8_u(levels);
        const high = i32x4.extend_high_i16x8_u(levels);
        a = f64x2.add(a, f64x2.mul(f64x2.convert_low_i32x4_u(low), weight));
        b = f64x2.add(b, f64x2.mul(f64x2.convert_low_i32x4_u(upper(low)), weight));
        c = f64x2.add(c, f64x2.mul(f64x2.convert_low_i32x4_u(high), weight));
        d = f64x2.add(d, f64x2.mul(f64x2.convert_low_i32x4_u(upper(high)), weight));
        from += stride;
      }
      const first4 = i16x8.narrow_i32x4_u(whole(a, b), whole(c, d));
      v128.store64_lane(out + i, i8x16.narrow_i16x8_u(first4, first4), 0);
    }
  }
}

// @ts-expect-error: decorators are AssemblyScript's
@inline
function upper(x: v128): v128 {
  return v128.shuffle<i64>(x, x, 1, 0);
}

/** Four sums rounded down; those below 0 become 0. */
// @ts-expect-error: decorators are AssemblyScript's
@inline
function whole(a: v128, b: v128): v128 {
  return v128.shuffle<i64>(i32x4.trunc_sat_f64x2_u_zero(a), i32x4.trunc_sat_f64x2_u_zero(b), 0, 2);
}
