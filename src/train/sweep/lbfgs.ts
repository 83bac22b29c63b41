/** The memory of L-BFGS: from steps taken and how gradients changed along them to the next direction. */

export type Vector = Float64Array<ArrayBuffer>;

export interface Curvature {
  /** Minus the approximate inverse Hessian times the gradient. */
  direction(gradient: Vector): Vector;
  /** Takes a step and the change of the gradient along it. */
  remember(step: Vector, change: Vector): void;
}

/** Pairs that approximate the Hessian (Nocedal and Wright 2006, algorithm 7.5). */
const MEMORY = 10;

interface Pair {
  step: Vector;
  change: Vector;
  /** 1 / (step . change) */
  rho: number;
}

export function createCurvature(): Curvature {
  const pairs: Pair[] = [];
  return {
    direction(gradient) {
      const descent = approximateDescent(gradient, pairs);
      if (dot(descent, gradient) < 0) return descent;
      // Rounding has spoilt the approximation: start it again from steepest descent.
      pairs.length = 0;
      return approximateDescent(gradient, pairs);
    },
    remember(step, change) {
      const product = dot(step, change);
      // Positive for a convex function, but for rounding.
      if (product <= 0) return;
      pairs.push({ step, change, rho: 1 / product });
      if (pairs.length > MEMORY) pairs.shift();
    },
  };
}

function approximateDescent(gradient: Vector, pairs: readonly Pair[]): Vector {
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

/** The product of the first `length` components; default: of all. */
export function dot(a: Vector, b: Vector, length: number = a.length): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += a[i] * b[i];
  return sum;
}

/** a += factor b */
export function add(a: Vector, b: Vector, factor: number): void {
  for (let i = 0; i < a.length; i++) a[i] += factor * b[i];
}

export function scale(a: Vector, factor: number): void {
  for (let i = 0; i < a.length; i++) a[i] *= factor;
}

export function largest(values: Vector): number {
  let most = 0;
  for (let i = 0; i < values.length; i++) most = Math.max(most, Math.abs(values[i]));
  return most;
}
