/**
 * SIMD kernels over the memory that training shares with the engine (AssemblyScript, not TypeScript).
 *
 * Each optimiser step is one pass over parameters `p`, gradients `g` and up to two state arrays, in the
 * arithmetic of Keras 3 (keras/src/optimizers/*.py). Hyperparameters vary by element with a period: element i
 * uses entry i mod `period` of five arrays `stride` bytes apart, in this order: learning rate, twice the l2
 * penalty, decoupled decay, momentum, l1 penalty. A stack of linear heads has a period of one row of its wide kernel; a
 * single head has four equal entries. Counts are multiples of 4 (arrays are padded with zeros, which every
 * step maps to zeros), and each hyperparameter array repeats its first three entries at its end so that a
 * vector may start at any entry.
 */

/** Byte offset of the next four elements' hyperparameters. */
// @ts-expect-error: decorators are AssemblyScript's
@inline
function next(at: usize, period: usize): usize {
  at += 16;
  return at >= period ? at - period : at;
}

/** Sets numbers so small that their squares leave float32's normal range to zero: arithmetic on those is slow. */
// @ts-ignore: decorators are AssemblyScript's
@inline
function flushed(x: v128, least: v128): v128 {
  return v128.and(x, f32x4.ge(f32x4.abs(x), least));
}

/** The gradient with its penalties: g + 2 l2 p + l1 sign(p). */
// @ts-ignore: decorators are AssemblyScript's
@inline
function penalised(g: usize, p: v128, hyper: usize, stride: usize): v128 {
  const l1 = v128.load(hyper + 4 * stride);
  const sign = v128.and(p, i32x4.splat(0x80000000));
  const slope = v128.and(v128.or(sign, l1), f32x4.ne(p, f32x4.splat(0)));
  const penalty = f32x4.add(f32x4.mul(v128.load(hyper + stride), p), slope);
  return flushed(f32x4.add(v128.load(g), penalty), f32x4.splat(1e-18));
}

/** v + (x - v) (1 - beta). */
// @ts-expect-error: decorators are AssemblyScript's
@inline
function blend(v: v128, x: v128, share: v128): v128 {
  return f32x4.add(v, f32x4.mul(f32x4.sub(x, v), share));
}

/** Moves four entries of m and v towards the gradient and returns the step. */
// @ts-expect-error: decorators are AssemblyScript's
@inline
function adamStep(m: usize, v: usize, gradient: v128, rate: v128, share1: v128, share2: v128, tiny: v128): v128 {
  const least = f32x4.splat(1e-36);
  const first = flushed(blend(v128.load(m), gradient, share1), least);
  const blended = blend(v128.load(v), f32x4.mul(gradient, gradient), share2);
  const second = v128.and(blended, f32x4.ge(blended, least));
  v128.store(m, first);
  v128.store(v, second);
  return f32x4.div(f32x4.mul(first, rate), f32x4.add(f32x4.sqrt(second), tiny));
}

/**
 * Adam and AdamW; the learning rate arrives with its bias correction. State: m, v. Where one rate holds for every element
 * and nothing is penalised, hyperparameters are read once.
 */
export function adam(
  p: usize, g: usize, m: usize, v: usize, count: usize, hyper: usize, stride: usize, period: usize,
  beta1: f64, beta2: f64, epsilon: f32,
): void {
  const share1 = f32x4.splat(f32(1 - beta1));
  const share2 = f32x4.splat(f32(1 - beta2));
  const tiny = f32x4.splat(epsilon);
  const end = count << 2;
  const penalties = load<f32>(hyper + stride) + load<f32>(hyper + 2 * stride) + load<f32>(hyper + 4 * stride);
  if (period == 4 && penalties == 0) {
    const rate = v128.load(hyper);
    for (let i: usize = 0; i < end; i += 16) {
      const gradient = flushed(v128.load(g + i), f32x4.splat(1e-18));
      const step = adamStep(m + i, v + i, gradient, rate, share1, share2, tiny);
      v128.store(p + i, f32x4.sub(v128.load(p + i), step));
    }
    return;
  }
  const cycle = period << 2;
  let at: usize = 0;
  for (let i: usize = 0; i < end; i += 16) {
    const weight = v128.load(p + i);
    const gradient = penalised(g + i, weight, hyper + at, stride);
    const step = adamStep(m + i, v + i, gradient, v128.load(hyper + at), share1, share2, tiny);
    const decayed = f32x4.sub(weight, f32x4.mul(weight, v128.load(hyper + 2 * stride + at)));
    v128.store(p + i, f32x4.sub(decayed, step));
    at = next(at, cycle);
  }
}

/** SGD with momentum (0 allowed); Nesterov's takes one more step along it. State: velocity. */
export function sgd(
  p: usize, g: usize, velocity: usize, _unused: usize, count: usize, hyper: usize, stride: usize, period: usize,
  nesterov: bool,
): void {
  const least = f32x4.splat(1e-36);
  const cycle = period << 2;
  let at: usize = 0;
  for (let i: usize = 0; i < count << 2; i += 16) {
    const weight = v128.load(p + i);
    const gradient = penalised(g + i, weight, hyper + at, stride);
    const momentum = v128.load(hyper + 3 * stride + at);
    const descent = f32x4.mul(gradient, v128.load(hyper + at));
    const moved = flushed(f32x4.sub(f32x4.mul(v128.load(velocity + i), momentum), descent), least);
    v128.store(velocity + i, moved);
    const step = nesterov ? f32x4.sub(f32x4.mul(moved, momentum), descent) : moved;
    v128.store(p + i, f32x4.add(weight, step));
    at = next(at, cycle);
  }
}

/** RMSprop with momentum (0 allowed). State: mean square, momentum. */
export function rmsprop(
  p: usize, g: usize, square: usize, momentum: usize, count: usize, hyper: usize, stride: usize, period: usize,
  rho: f64, epsilon: f32,
): void {
  const share = f32x4.splat(f32(1 - rho));
  const tiny = f32x4.splat(epsilon);
  const cycle = period << 2;
  let at: usize = 0;
  for (let i: usize = 0; i < count << 2; i += 16) {
    const weight = v128.load(p + i);
    const gradient = penalised(g + i, weight, hyper + at, stride);
    const second = blend(v128.load(square + i), f32x4.mul(gradient, gradient), share);
    v128.store(square + i, second);
    const step = f32x4.div(f32x4.mul(gradient, v128.load(hyper + at)), f32x4.sqrt(f32x4.add(second, tiny)));
    const moved = f32x4.add(f32x4.mul(v128.load(momentum + i), v128.load(hyper + 3 * stride + at)), step);
    v128.store(momentum + i, moved);
    v128.store(p + i, f32x4.sub(weight, moved));
    at = next(at, cycle);
  }
}

/** Adagrad. State: accumulated squares (which start at 0.1). */
export function adagrad(
  p: usize, g: usize, square: usize, _unused: usize, count: usize, hyper: usize, stride: usize, period: usize,
  epsilon: f32,
): void {
  const tiny = f32x4.splat(epsilon);
  const cycle = period << 2;
  let at: usize = 0;
  for (let i: usize = 0; i < count << 2; i += 16) {
    const weight = v128.load(p + i);
    const gradient = penalised(g + i, weight, hyper + at, stride);
    const total = f32x4.add(v128.load(square + i), f32x4.mul(gradient, gradient));
    v128.store(square + i, total);
    const step = f32x4.div(f32x4.mul(gradient, v128.load(hyper + at)), f32x4.sqrt(f32x4.add(total, tiny)));
    v128.store(p + i, f32x4.sub(weight, step));
    at = next(at, cycle);
  }
}

/** Adadelta. State: mean square of gradients, mean square of steps. */
export function adadelta(
  p: usize, g: usize, square: usize, steps: usize, count: usize, hyper: usize, stride: usize, period: usize,
  rho: f64, epsilon: f32,
): void {
  const share = f32x4.splat(f32(1 - rho));
  const tiny = f32x4.splat(epsilon);
  const cycle = period << 2;
  let at: usize = 0;
  for (let i: usize = 0; i < count << 2; i += 16) {
    const weight = v128.load(p + i);
    const gradient = penalised(g + i, weight, hyper + at, stride);
    const second = blend(v128.load(square + i), f32x4.mul(gradient, gradient), share);
    const past = v128.load(steps + i);
    const scale = f32x4.sqrt(f32x4.div(f32x4.add(past, tiny), f32x4.add(second, tiny)));
    const step = f32x4.mul(scale, gradient);
    v128.store(square + i, second);
    v128.store(steps + i, blend(past, f32x4.mul(step, step), share));
    v128.store(p + i, f32x4.sub(weight, f32x4.mul(step, v128.load(hyper + at))));
    at = next(at, cycle);
  }
}

/** Scales each column of [rows, columns] down to a norm of at most `limit` (Keras MaxNorm over axis 0). */
export function maxNorm(p: usize, rows: usize, columns: usize, limit: f32): void {
  for (let column: usize = 0; column < columns; column++) {
    let squares: f32 = 0;
    for (let row: usize = 0; row < rows; row++) {
      const weight = load<f32>(p + ((row * columns + column) << 2));
      squares += weight * weight;
    }
    const norm = sqrt<f32>(squares);
    if (norm <= limit) continue;
    // Keras adds its epsilon to the norm it divides by.
    const scale = limit / (<f32>1e-7 + norm);
    for (let row: usize = 0; row < rows; row++) {
      const at = p + ((row * columns + column) << 2);
      store<f32>(at, load<f32>(at) * scale);
    }
  }
}

/** One round of an integer hash with low bias (C. Wellons, "Prospecting for Hash Functions", lowbias32). */
// @ts-expect-error: decorators are AssemblyScript's
@inline
function mix(x: v128): v128 {
  x = v128.xor(x, i32x4.shr_u(x, 16));
  x = i32x4.mul(x, i32x4.splat(0x7feb352d));
  x = v128.xor(x, i32x4.shr_u(x, 15));
  x = i32x4.mul(x, i32x4.splat(0x846ca68b));
  return v128.xor(x, i32x4.shr_u(x, 16));
}

/**
 * Fills `mask` with 0 (for a share of `threshold` / 2^31) and `scale` elsewhere. Element i depends on
 * `seed` and i alone, so a mask is the same whatever else is trained beside it.
 */
export function dropoutMask(mask: usize, count: usize, threshold: i32, scale: f32, seed: i32): void {
  const limit = i32x4.splat(threshold);
  const kept = f32x4.splat(scale);
  const key = i32x4.splat(seed);
  let index = i32x4(0, 1, 2, 3);
  const four = i32x4.splat(4);
  for (let i: usize = 0; i < count << 2; i += 16) {
    const draw = i32x4.shr_u(mix(v128.xor(mix(index), key)), 1);
    v128.store(mask + i, v128.and(kept, i32x4.ge_s(draw, limit)));
    index = i32x4.add(index, four);
  }
}
