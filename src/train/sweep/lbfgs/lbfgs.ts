/** The memory of L-BFGS: from steps taken and how gradients changed along them to the next direction. */
import type { Allocate, ArenaArray, Kernels } from '../../../shared/training/arena.ts';

export interface Curvature {
  /** Minus the approximate inverse Hessian times the gradient, in an array that is the caller's until `remember`. */
  direction(gradient: ArenaArray): ArenaArray;
  /** Takes what has become of the direction, the step taken, and the gradient where it led. */
  remember(gradient: ArenaArray): void;
}

/** Pairs that approximate the Hessian (Nocedal and Wright 2006, algorithm 7.5). */
const MEMORY = 10;

interface Pair {
  step: ArenaArray;
  /** Of the gradient along the step. */
  change: ArenaArray;
}

interface CurvaturePair extends Pair {
  /** 1 / (step . change) */
  rho: number;
  /** change . change */
  square: number;
}

/** For vectors of `size` numbers. @param allocate see {@link layOut} */
export function createCurvature({ dot, add, scale }: Kernels, allocate: Allocate, size: number): Curvature {
  // One more than are remembered: the step that is about to be taken.
  const slots = Array.from(
    { length: MEMORY + 1 },
    (): Pair => ({ step: allocate(size), change: allocate(size) }),
  );
  const pairs: CurvaturePair[] = [];
  let next = 0;

  const descend = (gradient: ArenaArray, result: ArenaArray): void => {
    const { padded } = result;
    result.view.set(gradient.view);
    scale(result.address, padded, -1);
    const shares: number[] = [];
    for (const { step, change, rho } of pairs.toReversed()) {
      const share = rho * dot(step.address, result.address, padded);
      shares.unshift(share);
      add(result.address, change.address, padded, -share);
    }
    const last = pairs.at(-1);
    if (last) scale(result.address, padded, 1 / (last.rho * last.square));
    for (const [index, { step, change, rho }] of pairs.entries()) {
      const share = rho * dot(change.address, result.address, padded);
      add(result.address, step.address, padded, shares[index] - share);
    }
  };

  return {
    direction(gradient) {
      const { step, change } = slots[next];
      change.view.set(gradient.view);
      descend(gradient, step);
      if (!(dot(step.address, gradient.address, step.padded) < 0)) {
        // Rounding has spoilt the approximation: start it again from steepest descent.
        pairs.length = 0;
        descend(gradient, step);
      }
      return step;
    },
    remember(gradient) {
      const { step, change } = slots[next];
      scale(change.address, change.padded, -1);
      add(change.address, gradient.address, change.padded, 1);
      const product = dot(step.address, change.address, step.padded);
      // Positive for a convex function, but for rounding.
      if (product <= 0) return;
      const square = dot(change.address, change.address, change.padded);
      pairs.push({ step, change, rho: 1 / product, square });
      if (pairs.length > MEMORY) pairs.shift();
      next = (next + 1) % slots.length;
    },
  };
}
