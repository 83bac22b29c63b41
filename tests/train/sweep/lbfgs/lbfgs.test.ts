/** What L-BFGS remembers. */
import { describe, expect, it } from 'vitest';
import { random } from '../../../../src/shared/random.ts';
import { createArena, layOut } from '../../../../src/shared/training/arena.ts';
import { createCurvature } from '../../../../src/train/sweep/lbfgs/lbfgs.ts';

const SIZE = 12;

/** A curvature and a gradient in an arena. */
function remembering() {
  const arena = createArena();
  return layOut(arena, (allocate) => ({
    curvature: createCurvature(arena.kernels, allocate, SIZE),
    gradient: allocate(SIZE),
  }));
}

/** Steps along a quadratic with these second derivatives; the directions and changes of the gradient. */
function descent(steps: number) {
  const { curvature, gradient } = remembering();
  const stream = random(3, 'lbfgs');
  const derivatives = Float32Array.from({ length: SIZE }, () => 0.5 + stream.uniform());
  gradient.view.set(Float32Array.from({ length: SIZE }, () => stream.normal()));
  const taken: { step: number[]; change: number[] }[] = [];
  for (let at = 0; at < steps; at++) {
    const step = [...curvature.direction(gradient).view];
    const change = step.map((value, i) => derivatives[i] * value);
    for (const [i, value] of change.entries()) gradient.view[i] += value;
    curvature.remember(gradient);
    taken.push({ step, change });
  }
  return { taken, curvature, gradient };
}

describe('a direction', () => {
  it('is steepest descent at first', () => {
    const { curvature, gradient } = remembering();
    gradient.view.set([3, -1, 2]);
    const { view } = curvature.direction(gradient);
    expect([...view.subarray(0, 4)]).toEqual([-3, 1, -2, -0]);
  });

  // Beyond ten steps, the first ones are forgotten.
  it.each([1, 2, 5, 10, 11, 25])('undoes the last of %i changes by the step that made it', (steps) => {
    const { taken, curvature, gradient } = descent(steps);
    const { step, change } = taken[taken.length - 1];
    // The secant equation, which the newest pair alone satisfies exactly.
    gradient.view.set(change);
    const direction = [...curvature.direction(gradient).view];
    const largest = Math.max(...step.map(Math.abs));
    for (const [i, value] of direction.entries())
      expect(Math.abs(value + step[i])).toBeLessThan(1e-4 * largest);
  });
});
