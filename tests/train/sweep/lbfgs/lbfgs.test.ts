/** What L-BFGS remembers, and the memory that it takes. */
import { describe, expect, it } from 'vitest';
import { resolveConfig } from '../../../../src/shared/head/resolve.ts';
import { random } from '../../../../src/shared/random.ts';
import { type Arena, arenaFloats, createArena } from '../../../../src/shared/training/arena.ts';
import { createLane, laneFloats, shapeOf } from '../../../../src/train/sweep/lbfgs/lane.ts';
import { createCurvature, curvatureFloats } from '../../../../src/train/sweep/lbfgs/lbfgs.ts';

const SIZE = 12;

/** An arena with room for a curvature and a gradient. */
function newArena(): Arena {
  const arena = createArena();
  arena.reset(curvatureFloats(SIZE) + arenaFloats(SIZE));
  return arena;
}

/** Steps along a quadratic with these second derivatives; the directions and changes of the gradient. */
function descent(steps: number) {
  const arena = newArena();
  const curvature = createCurvature(arena, SIZE);
  const gradient = arena.allocate(SIZE);
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
    const arena = newArena();
    const gradient = arena.allocate(SIZE);
    gradient.view.set([3, -1, 2]);
    const { view } = createCurvature(arena, SIZE).direction(gradient);
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

it('a lane takes the room that it is given in the arena', () => {
  const shape = shapeOf({
    ...{ task: 'multiclass', inputs: 7, classes: 3, features: {}, targets: new Uint8Array(0) },
    rows: { train: 50, val: 0, test: 0 },
  });
  const arena = createArena();
  arena.reset(laneFloats(shape));
  let taken = 0;
  const counting: Arena = {
    ...arena,
    allocate(length) {
      taken += arenaFloats(length);
      return arena.allocate(length);
    },
  };
  createLane({ id: '1', config: resolveConfig({ optimizer: 'lbfgs' }, 'multiclass') }, counting, shape);
  expect(laneFloats(shape)).toBe(taken);
});
