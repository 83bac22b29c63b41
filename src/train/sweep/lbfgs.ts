/** L-BFGS with a weak Wolfe line search, one evaluation at a time, so that many problems can share each evaluation. */

type Vector = Float64Array<ArrayBuffer>;

/** A minimisation under way. It asks for the value and gradient at `point` and is told them. */
export interface Minimization {
  /** Where the function is to be evaluated next. */
  readonly point: Vector;
  /** The best point found so far and its value. */
  readonly best: { point: Vector; value: number };
  /** Accepted steps. */
  readonly iterations: number;
  /** Takes the value and gradient at `point`; returns whether the minimum has been reached. */
  tell(value: number, gradient: Vector): boolean;
}

/** Pairs of steps and gradient changes that approximate the Hessian (Nocedal and Wright 2006, algorithm 7.5). */
const MEMORY = 10;
/** Sufficient decrease and curvature of the Wolfe conditions. */
const DECREASE = 1e-4;
const CURVATURE = 0.9;
/** Evaluations in one line search before rounding is all that is left. */
const MOST_TRIALS = 25;
/** float32 evaluations cannot tell values apart that are closer than this share of them. */
const VALUE_NOISE = 1e-7;

interface Pair {
  step: Vector;
  change: Vector;
  /** 1 / (step . change) */
  rho: number;
}

/**
 * Starts at `start`, which is copied.
 * @param tolerance the largest component of the gradient at which the minimum counts as reached
 */
export function minimize(start: Vector, tolerance: number): Minimization {
  const pairs: Pair[] = [];
  let current = { point: start.slice(), value: Number.NaN, gradient: new Float64Array(start.length) };
  let trial = start.slice();
  let direction = new Float64Array(start.length);
  let slope = 0;
  let [step, low, high, trials, iterations] = [0, 0, Number.POSITIVE_INFINITY, 0, 0];

  const search = (first: number) => {
    [step, low, high, trials] = [first, 0, Number.POSITIVE_INFINITY, 0];
    trial = moved(current.point, direction, step);
  };
  const turn = () => {
    direction = descent(current.gradient, pairs);
    slope = dot(direction, current.gradient);
    if (slope >= 0) {
      // Rounding has spoilt the approximation: start it again from steepest descent.
      pairs.length = 0;
      direction = current.gradient.map((component) => -component);
      slope = -dot(current.gradient, current.gradient);
    }
    search(pairs.length > 0 ? 1 : 1 / Math.max(1, Math.sqrt(-slope)));
  };

  return {
    get point() {
      return trial;
    },
    get best() {
      return current;
    },
    get iterations() {
      return iterations;
    },
    tell(value, gradient) {
      if (Number.isNaN(current.value)) {
        current = { point: trial, value, gradient };
        if (largest(gradient) <= tolerance) return true;
        turn();
        return false;
      }
      trials++;
      const noise = VALUE_NOISE * Math.max(1, Math.abs(current.value));
      if (!(value <= current.value + DECREASE * step * slope + noise)) high = step;
      else if (dot(gradient, direction) < CURVATURE * slope) low = step;
      else {
        remember(pairs, moved(trial, current.point, -1), moved(gradient, current.gradient, -1));
        current = { point: trial, value, gradient };
        iterations++;
        if (largest(gradient) <= tolerance) return true;
        turn();
        return false;
      }
      if (trials >= MOST_TRIALS) return true;
      step = Number.isFinite(high) ? (low + high) / 2 : 2 * step;
      trial = moved(current.point, direction, step);
      return false;
    },
  };
}

function remember(pairs: Pair[], step: Vector, change: Vector): void {
  const product = dot(step, change);
  // The Wolfe conditions make this positive, but for rounding.
  if (product <= 0) return;
  pairs.push({ step, change, rho: 1 / product });
  if (pairs.length > MEMORY) pairs.shift();
}

/** Minus the approximate inverse Hessian times the gradient. */
function descent(gradient: Vector, pairs: readonly Pair[]): Vector {
  const result = gradient.map((component) => -component);
  const shares: number[] = [];
  for (const { step, change, rho } of pairs.toReversed()) {
    const share = rho * dot(step, result);
    shares.unshift(share);
    add(result, change, -share);
  }
  const last = pairs.at(-1);
  if (last) scale(result, 1 / (last.rho * dot(last.change, last.change)));
  for (const [at, { step, change, rho }] of pairs.entries()) {
    add(result, step, shares[at] - rho * dot(change, result));
  }
  return result;
}

function dot(a: Vector, b: Vector): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** a += factor b */
function add(a: Vector, b: Vector, factor: number): void {
  for (let i = 0; i < a.length; i++) a[i] += factor * b[i];
}

function scale(a: Vector, factor: number): void {
  for (let i = 0; i < a.length; i++) a[i] *= factor;
}

/** a + factor b */
function moved(a: Vector, b: Vector, factor: number): Vector {
  const result = new Float64Array(a.length);
  for (let i = 0; i < a.length; i++) result[i] = a[i] + factor * b[i];
  return result;
}

function largest(values: Vector): number {
  let most = 0;
  for (let i = 0; i < values.length; i++) most = Math.max(most, Math.abs(values[i]));
  return most;
}
