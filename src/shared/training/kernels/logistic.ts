/**
 * SIMD kernels of the exact solver (AssemblyScript, not TypeScript): vectors of L-BFGS, and the loss of logistic regression
 * along a line. Numbers are stored as float32 and added up as float64. Counts are in numbers; arrays begin at multiples of 16
 * bytes and are padded with zeros to whole vectors.
 */

/** The two halves of four float32 as float64. */
// @ts-expect-error: decorators are AssemblyScript's
@inline
function low(x: v128): v128 {
  return f64x2.promote_low_f32x4(x);
}
// @ts-expect-error: decorators are AssemblyScript's
@inline
function high(x: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<i64>(x, x, 1, 0));
}
// @ts-expect-error: decorators are AssemblyScript's
@inline
function total(x: v128): f64 {
  return f64x2.extract_lane(x, 0) + f64x2.extract_lane(x, 1);
}

/** The scalar product. */
export function dot(a: usize, b: usize, count: usize): f64 {
  let first = f64x2.splat(0);
  let second = f64x2.splat(0);
  for (let i: usize = 0; i < count << 2; i += 16) {
    const x = v128.load(a + i);
    const y = v128.load(b + i);
    first = f64x2.add(first, f64x2.mul(low(x), low(y)));
    second = f64x2.add(second, f64x2.mul(high(x), high(y)));
  }
  return total(f64x2.add(first, second));
}

/** a += factor b */
export function add(a: usize, b: usize, count: usize, factor: f32): void {
  const by = f32x4.splat(factor);
  for (let i: usize = 0; i < count << 2; i += 16)
    v128.store(a + i, f32x4.add(v128.load(a + i), f32x4.mul(by, v128.load(b + i))));
}

/** a *= factor */
export function scale(a: usize, count: usize, factor: f32): void {
  const by = f32x4.splat(factor);
  for (let i: usize = 0; i < count << 2; i += 16) v128.store(a + i, f32x4.mul(by, v128.load(a + i)));
}

export function sum(a: usize, count: usize): f64 {
  let first = f64x2.splat(0);
  let second = f64x2.splat(0);
  for (let i: usize = 0; i < count << 2; i += 16) {
    const x = v128.load(a + i);
    first = f64x2.add(first, low(x));
    second = f64x2.add(second, high(x));
  }
  return total(f64x2.add(first, second));
}

/** The largest absolute value. */
export function largest(a: usize, count: usize): f32 {
  let greatest = f32x4.splat(0);
  for (let i: usize = 0; i < count << 2; i += 16) greatest = f32x4.max(greatest, f32x4.abs(v128.load(a + i)));
  return max(
    max(f32x4.extract_lane(greatest, 0), f32x4.extract_lane(greatest, 1)),
    max(f32x4.extract_lane(greatest, 2), f32x4.extract_lane(greatest, 3)),
  );
}

/** Coefficients of the Taylor series of e^r, the highest power first. */
const EXPONENTIAL = memory.data<f64>([
  1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040, 1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5, 1, 1,
]);
/** Coefficients of artanh(s) / s in powers of s * s, the highest first. */
const ARTANH = memory.data<f64>([1.0 / 15, 1.0 / 13, 1.0 / 11, 1.0 / 9, 1.0 / 7, 1.0 / 5, 1.0 / 3, 1]);

/** A polynomial of x by Horner's scheme. */
// @ts-expect-error: decorators are AssemblyScript's
@inline
function polynomial(x: v128, coefficients: usize, count: usize): v128 {
  let sum = v128.load64_splat(coefficients);
  for (let offset: usize = 8; offset < count << 3; offset += 8)
    sum = f64x2.add(f64x2.mul(sum, x), v128.load64_splat(coefficients + offset));
  return sum;
}

/** e^x of two numbers of at most 0, to 1e-14 of it: e^x = 2^n e^r with |r| <= ln 2 / 2, and the Taylor series of e^r. */
// @ts-expect-error: decorators are AssemblyScript's
@inline
function exp(x: v128): v128 {
  // Adding it rounds to a whole number, which the lowest bits then hold.
  const whole = f64x2.splat(6755399441055744.0);
  const bounded = f64x2.max(x, f64x2.splat(-700));
  const shifted = f64x2.add(f64x2.mul(bounded, f64x2.splat(1.4426950408889634)), whole);
  const n = f64x2.sub(shifted, whole);
  // ln 2 in two parts, of which the first has room for n.
  const coarse = f64x2.sub(bounded, f64x2.mul(n, f64x2.splat(0.693147180369123816490)));
  const r = f64x2.sub(coarse, f64x2.mul(n, f64x2.splat(1.90821492927058770002e-10)));
  const e = polynomial(r, EXPONENTIAL, 12);
  return i64x2.add(e, i64x2.shl(shifted, 52));
}

/** ln x of two numbers of at least 1, to 1e-13: x = 2^n m, and ln m = 2 artanh((m - 1) / (m + 1)) with m from 0.7 to 1.5. */
// @ts-expect-error: decorators are AssemblyScript's
@inline
function log(x: v128): v128 {
  const up = i64x2.add(x, i64x2.splat(0x3ff0000000000000 - 0x3fe6a09e667f3bcd));
  const exponent = i64x2.sub(i64x2.shr_u(up, 52), i64x2.splat(0x3ff));
  const m = i64x2.sub(x, i64x2.shl(exponent, 52));
  const n = f64x2.convert_low_i32x4_s(v128.shuffle<i32>(exponent, exponent, 0, 2, 0, 2));
  const one = f64x2.splat(1);
  const s = f64x2.div(f64x2.sub(m, one), f64x2.add(m, one));
  const square = f64x2.mul(s, s);
  const a = polynomial(square, ARTANH, 8);
  return f64x2.add(f64x2.mul(n, f64x2.splat(0.6931471805599453)), f64x2.mul(f64x2.add(s, s), a));
}

/** Two numbers that lie side by side. */
// @ts-expect-error: decorators are AssemblyScript's
@inline
function pair(address: usize): v128 {
  return low(v128.load64_zero(address));
}
// @ts-expect-error: decorators are AssemblyScript's
@inline
function storePair(address: usize, x: v128): void {
  v128.store64_lane(address, f32x4.demote_f64x2_zero(x), 0);
}

/** Writes a value, its slope and its curvature. */
// @ts-expect-error: decorators are AssemblyScript's
@inline
function storePoint(address: usize, value: v128, slope: v128, curvature: v128): void {
  store<f64>(address, total(value));
  store<f64>(address, total(slope), 8);
  store<f64>(address, total(curvature), 16);
}

/**
 * The cross-entropy of softmax where `logits` [classes, rows] have moved by `step` times `logitDirection`, with its first two
 * derivatives in the step, as three float64 at `point`.
 * @param residuals takes the derivative in every logit there
 * @param weightedTargets weight times target, [classes, rows]
 * @param rows of an even number; one too many has no weightedTargets
 */
export function softmaxLoss(
  logits: usize, logitDirection: usize, residuals: usize, weightedTargets: usize, rows: usize, classes: usize, step: f64, point: usize,
): void {
  let value = f64x2.splat(0);
  let slope = f64x2.splat(0);
  let curvature = f64x2.splat(0);
  const by = f64x2.splat(step);
  const pitch = rows << 2;
  const size = pitch * classes;
  for (let row: usize = 0; row < pitch; row += 8) {
    let greatest = f64x2.splat(-Infinity);
    for (let offset = row; offset < size; offset += pitch)
      greatest = f64x2.max(greatest, f64x2.add(pair(logits + offset), f64x2.mul(by, pair(logitDirection + offset))));
    let sum = f64x2.splat(0);
    let first = f64x2.splat(0);
    let second = f64x2.splat(0);
    let sampleWeights = f64x2.splat(0);
    for (let offset = row; offset < size; offset += pitch) {
      const speed = pair(logitDirection + offset);
      const logit = f64x2.add(pair(logits + offset), f64x2.mul(by, speed));
      const share = exp(f64x2.sub(logit, greatest));
      const weightedTarget = pair(weightedTargets + offset);
      storePair(residuals + offset, share);
      const moved = f64x2.mul(share, speed);
      sum = f64x2.add(sum, share);
      first = f64x2.add(first, moved);
      second = f64x2.add(second, f64x2.mul(moved, speed));
      sampleWeights = f64x2.add(sampleWeights, weightedTarget);
      value = f64x2.sub(value, f64x2.mul(weightedTarget, logit));
      slope = f64x2.sub(slope, f64x2.mul(weightedTarget, speed));
    }
    const mean = f64x2.div(first, sum);
    const spread = f64x2.sub(f64x2.div(second, sum), f64x2.mul(mean, mean));
    value = f64x2.add(value, f64x2.mul(sampleWeights, f64x2.add(greatest, log(sum))));
    slope = f64x2.add(slope, f64x2.mul(sampleWeights, mean));
    curvature = f64x2.add(curvature, f64x2.mul(sampleWeights, spread));
    const each = f64x2.div(sampleWeights, sum);
    for (let offset = row; offset < size; offset += pitch)
      storePair(residuals + offset, f64x2.sub(f64x2.mul(pair(residuals + offset), each), pair(weightedTargets + offset)));
  }
  storePoint(point, value, slope, curvature);
}

/**
 * The cross-entropy of sigmoids, as {@link softmaxLoss}.
 * @param sampleWeights weights; `weightedTargets` is weight times target
 * @param count of an even number
 */
export function sigmoidLoss(
  logits: usize, logitDirection: usize, residuals: usize, weightedTargets: usize, sampleWeights: usize, count: usize, step: f64, point: usize,
): void {
  let value = f64x2.splat(0);
  let slope = f64x2.splat(0);
  let curvature = f64x2.splat(0);
  const by = f64x2.splat(step);
  const zero = f64x2.splat(0);
  const one = f64x2.splat(1);
  for (let offset: usize = 0; offset < count << 2; offset += 8) {
    const speed = pair(logitDirection + offset);
    const logit = f64x2.add(pair(logits + offset), f64x2.mul(by, speed));
    const weight = pair(sampleWeights + offset);
    const weightedTarget = pair(weightedTargets + offset);
    const decay = exp(f64x2.neg(f64x2.abs(logit)));
    const both = f64x2.add(one, decay);
    const yes = f64x2.div(v128.bitselect(one, decay, f64x2.ge(logit, zero)), both);
    const residual = f64x2.sub(f64x2.mul(weight, yes), weightedTarget);
    storePair(residuals + offset, residual);
    const loss = f64x2.mul(weight, f64x2.add(f64x2.max(logit, zero), log(both)));
    value = f64x2.add(value, f64x2.sub(loss, f64x2.mul(weightedTarget, logit)));
    slope = f64x2.add(slope, f64x2.mul(residual, speed));
    const bend = f64x2.mul(f64x2.mul(yes, f64x2.sub(one, yes)), f64x2.mul(speed, speed));
    curvature = f64x2.add(curvature, f64x2.mul(weight, bend));
  }
  storePoint(point, value, slope, curvature);
}
