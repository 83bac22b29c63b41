/**
 * SIMD kernels over the memory that training shares with the engine (AssemblyScript, not TypeScript).
 *
 * Each optimiser step is one pass over `count` parameters `p` of one head, their gradients `g` and up to two state arrays, in
 * the arithmetic of Keras 3 (keras/src/optimizers/*.py). All take the same hyperparameters, in this order: learning rate, twice
 * the l2 penalty, decoupled decay, momentum, l1 penalty. Heads of a stack lie one after the other and are stepped one by one;
 * where `count` is no multiple of 4, the last vector reaches into the next head, whose numbers are put back afterwards.
 */

/** Room for what lies behind a head's parameters and behind its two state arrays. */
const NEXT = memory.data(48, 16);

/** Keeps what the last vector of `count` numbers in each array reaches over. */
function keepNext(p: usize, a: usize, b: usize, count: usize): void {
  const end = count << 2;
  v128.store(NEXT, v128.load(p + end));
  v128.store(NEXT, v128.load(a + end), 16);
  v128.store(NEXT, v128.load(b + end), 32);
}

function restoreNext(p: usize, a: usize, b: usize, count: usize): void {
  const end = count << 2;
  for (let offset: usize = 0; offset < 16 - (end & 15); offset += 4) {
    store<f32>(p + end + offset, load<f32>(NEXT + offset));
    store<f32>(a + end + offset, load<f32>(NEXT + offset, 16));
    store<f32>(b + end + offset, load<f32>(NEXT + offset, 32));
  }
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
function penalised(g: usize, p: v128, twiceL2: v128, l1: v128): v128 {
  const sign = v128.and(p, i32x4.splat(0x80000000));
  const slope = v128.and(v128.or(sign, l1), f32x4.ne(p, f32x4.splat(0)));
  return f32x4.add(v128.load(g), f32x4.add(f32x4.mul(twiceL2, p), slope));
}

/** The same, set to zero where its square would leave the normal range. */
// @ts-ignore: decorators are AssemblyScript's
@inline
function flushedGradient(g: usize, p: v128, twiceL2: v128, l1: v128): v128 {
  return flushed(penalised(g, p, twiceL2, l1), f32x4.splat(1e-18));
}

/** v + (x - v) (1 - beta). */
// @ts-expect-error: decorators are AssemblyScript's
@inline
function blend(v: v128, x: v128, share: v128): v128 {
  return f32x4.add(v, f32x4.mul(f32x4.sub(x, v), share));
}

/** Added and taken away again, it rounds to multiples of 6e-36, whose tenths are still normal numbers. */
const ROUNDING: f32 = 1e-28;

/** Gradients count as at least this in v: beside an epsilon of 1e-7, the difference is below a float32's precision. */
const MIN_GRADIENT: f32 = 1e-16;

/** Moves four entries of m and v towards the gradient and returns the step. Neither reaches numbers below the normal range. */
// @ts-expect-error: decorators are AssemblyScript's
@inline
function adamStep(m: usize, v: usize, gradient: v128, rate: v128, share1: v128, share2: v128, tiny: v128): v128 {
  const rounding = f32x4.splat(ROUNDING);
  const before = v128.load(m);
  const change = f32x4.mul(f32x4.sub(gradient, before), share1);
  const first = f32x4.sub(f32x4.add(f32x4.add(before, rounding), change), rounding);
  const size = f32x4.pmax(v128.and(gradient, i32x4.splat(0x7fffffff)), f32x4.splat(MIN_GRADIENT));
  const second = blend(v128.load(v), f32x4.mul(size, size), share2);
  v128.store(m, first);
  v128.store(v, second);
  return f32x4.div(f32x4.mul(first, rate), f32x4.add(f32x4.sqrt(second), tiny));
}

/** Steps the four parameters at `i`. */
// @ts-expect-error: decorators are AssemblyScript's
@inline
function plainAdam(
  p: usize, g: usize, m: usize, v: usize, i: usize, rate: v128, share1: v128, share2: v128, tiny: v128,
): void {
  const step = adamStep(m + i, v + i, v128.load(g + i), rate, share1, share2, tiny);
  v128.store(p + i, f32x4.sub(v128.load(p + i), step));
}

/** The same with penalties and decay. */
// @ts-expect-error: decorators are AssemblyScript's
@inline
function penalisedAdam(
  p: usize, g: usize, m: usize, v: usize, i: usize, rate: v128, share1: v128, share2: v128, tiny: v128,
  ridge: v128, lasso: v128, shrink: v128,
): void {
  const weight = v128.load(p + i);
  const gradient = penalised(g + i, weight, ridge, lasso);
  const step = adamStep(m + i, v + i, gradient, rate, share1, share2, tiny);
  const decayed = f32x4.sub(weight, f32x4.mul(weight, shrink));
  v128.store(p + i, f32x4.sub(decayed, step));
}

/** Bytes of a turn of Adam's loop, four vectors: with one, a third of the time went into the loop itself. */
const TURN: usize = 64;

/** Adam and AdamW; the learning rate arrives with its bias correction. State: m, v. */
export function adam(
  p: usize, g: usize, m: usize, v: usize, count: usize,
  lr: f32, twiceL2: f32, decay: f32, _momentum: f32, l1: f32, beta1: f64, beta2: f64, epsilon: f32,
): void {
  const share1 = f32x4.splat(f32(1 - beta1));
  const share2 = f32x4.splat(f32(1 - beta2));
  const tiny = f32x4.splat(epsilon);
  const rate = f32x4.splat(lr);
  const end = count << 2;
  let i: usize = 0;
  if (count & 3) keepNext(p, m, v, count);
  if (twiceL2 == 0 && decay == 0 && l1 == 0) {
    for (; i + TURN <= end; i += TURN) {
      plainAdam(p, g, m, v, i, rate, share1, share2, tiny);
      plainAdam(p, g, m, v, i + 16, rate, share1, share2, tiny);
      plainAdam(p, g, m, v, i + 32, rate, share1, share2, tiny);
      plainAdam(p, g, m, v, i + 48, rate, share1, share2, tiny);
    }
    for (; i < end; i += 16) plainAdam(p, g, m, v, i, rate, share1, share2, tiny);
  } else {
    const ridge = f32x4.splat(twiceL2);
    const lasso = f32x4.splat(l1);
    const shrink = f32x4.splat(decay);
    for (; i + TURN <= end; i += TURN) {
      penalisedAdam(p, g, m, v, i, rate, share1, share2, tiny, ridge, lasso, shrink);
      penalisedAdam(p, g, m, v, i + 16, rate, share1, share2, tiny, ridge, lasso, shrink);
      penalisedAdam(p, g, m, v, i + 32, rate, share1, share2, tiny, ridge, lasso, shrink);
      penalisedAdam(p, g, m, v, i + 48, rate, share1, share2, tiny, ridge, lasso, shrink);
    }
    for (; i < end; i += 16)
      penalisedAdam(p, g, m, v, i, rate, share1, share2, tiny, ridge, lasso, shrink);
  }
  if (count & 3) restoreNext(p, m, v, count);
}

/** SGD with momentum (0 allowed); Nesterov's takes one more step along it. State: velocity. */
export function sgd(
  p: usize, g: usize, velocity: usize, unused: usize, count: usize,
  lr: f32, twiceL2: f32, _decay: f32, momentum: f32, l1: f32, nesterov: bool,
): void {
  const least = f32x4.splat(1e-36);
  const rate = f32x4.splat(lr);
  const ridge = f32x4.splat(twiceL2);
  const lasso = f32x4.splat(l1);
  const inertia = f32x4.splat(momentum);
  const end = count << 2;
  if (count & 3) keepNext(p, velocity, unused, count);
  for (let i: usize = 0; i < end; i += 16) {
    const weight = v128.load(p + i);
    const descent = f32x4.mul(flushedGradient(g + i, weight, ridge, lasso), rate);
    const moved = flushed(f32x4.sub(f32x4.mul(v128.load(velocity + i), inertia), descent), least);
    v128.store(velocity + i, moved);
    const step = nesterov ? f32x4.sub(f32x4.mul(moved, inertia), descent) : moved;
    v128.store(p + i, f32x4.add(weight, step));
  }
  if (count & 3) restoreNext(p, velocity, unused, count);
}

/** RMSprop with momentum (0 allowed). State: mean square, velocity. */
export function rmsprop(
  p: usize, g: usize, square: usize, velocity: usize, count: usize,
  lr: f32, twiceL2: f32, _decay: f32, momentum: f32, l1: f32, rho: f64, epsilon: f32,
): void {
  const share = f32x4.splat(f32(1 - rho));
  const tiny = f32x4.splat(epsilon);
  const rate = f32x4.splat(lr);
  const ridge = f32x4.splat(twiceL2);
  const lasso = f32x4.splat(l1);
  const inertia = f32x4.splat(momentum);
  const end = count << 2;
  if (count & 3) keepNext(p, square, velocity, count);
  for (let i: usize = 0; i < end; i += 16) {
    const weight = v128.load(p + i);
    const gradient = flushedGradient(g + i, weight, ridge, lasso);
    const second = blend(v128.load(square + i), f32x4.mul(gradient, gradient), share);
    v128.store(square + i, second);
    const step = f32x4.div(f32x4.mul(gradient, rate), f32x4.sqrt(f32x4.add(second, tiny)));
    const moved = f32x4.add(f32x4.mul(v128.load(velocity + i), inertia), step);
    v128.store(velocity + i, moved);
    v128.store(p + i, f32x4.sub(weight, moved));
  }
  if (count & 3) restoreNext(p, square, velocity, count);
}

/** Adagrad. State: accumulated squares (which start at 0.1). */
export function adagrad(
  p: usize, g: usize, square: usize, unused: usize, count: usize,
  lr: f32, twiceL2: f32, _decay: f32, _momentum: f32, l1: f32, epsilon: f32,
): void {
  const tiny = f32x4.splat(epsilon);
  const rate = f32x4.splat(lr);
  const ridge = f32x4.splat(twiceL2);
  const lasso = f32x4.splat(l1);
  const end = count << 2;
  if (count & 3) keepNext(p, square, unused, count);
  for (let i: usize = 0; i < end; i += 16) {
    const weight = v128.load(p + i);
    const gradient = flushedGradient(g + i, weight, ridge, lasso);
    const total = f32x4.add(v128.load(square + i), f32x4.mul(gradient, gradient));
    v128.store(square + i, total);
    const step = f32x4.div(f32x4.mul(gradient, rate), f32x4.sqrt(f32x4.add(total, tiny)));
    v128.store(p + i, f32x4.sub(weight, step));
  }
  if (count & 3) restoreNext(p, square, unused, count);
}

/** Adadelta. State: mean square of gradients, mean square of steps. */
export function adadelta(
  p: usize, g: usize, square: usize, steps: usize, count: usize,
  lr: f32, twiceL2: f32, _decay: f32, _momentum: f32, l1: f32, rho: f64, epsilon: f32,
): void {
  const share = f32x4.splat(f32(1 - rho));
  const tiny = f32x4.splat(epsilon);
  const rate = f32x4.splat(lr);
  const ridge = f32x4.splat(twiceL2);
  const lasso = f32x4.splat(l1);
  const end = count << 2;
  if (count & 3) keepNext(p, square, steps, count);
  for (let i: usize = 0; i < end; i += 16) {
    const weight = v128.load(p + i);
    const gradient = flushedGradient(g + i, weight, ridge, lasso);
    const second = blend(v128.load(square + i), f32x4.mul(gradient, gradient), share);
    const past = v128.load(steps + i);
    const scale = f32x4.sqrt(f32x4.div(f32x4.add(past, tiny), f32x4.add(second, tiny)));
    const step = f32x4.mul(scale, gradient);
    v128.store(square + i, second);
    v128.store(steps + i, blend(past, f32x4.mul(step, step), share));
    v128.store(p + i, f32x4.sub(weight, f32x4.mul(step, rate)));
  }
  if (count & 3) restoreNext(p, square, steps, count);
}

/** Scales each row of a kernel [units, inputs] down to a norm of at most `limit` (Keras MaxNorm over a unit's inputs). */
export function maxNorm(p: usize, units: usize, inputs: usize, limit: f32): void {
  const pitch = inputs << 2;
  for (let row = p; row < p + units * pitch; row += pitch) {
    let squares: f32 = 0;
    for (let address = row; address < row + pitch; address += 4) {
      const weight = load<f32>(address);
      squares += weight * weight;
    }
    const norm = sqrt<f32>(squares);
    if (norm <= limit) continue;
    // Keras adds its epsilon to the norm it divides by.
    const scale = limit / (<f32>1e-7 + norm);
    for (let address = row; address < row + pitch; address += 4) store<f32>(address, load<f32>(address) * scale);
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
