/** The exact solver's kernels beside plain arithmetic in float64. */
import { describe, expect, it } from 'vitest';
import { random } from '../../../src/shared/random.ts';
import { createArena } from '../../../src/train/sweep/arena.ts';

const arena = createArena();
const { kernels } = arena;

/** An array of the arena that holds the values. */
function held(values: readonly number[]) {
  const array = arena.allocate(values.length);
  array.view.set(values);
  return array;
}

function normals(count: number, spread: number, seed: number): number[] {
  const stream = random(seed, 'kernels');
  return Array.from({ length: count }, () => spread * stream.normal());
}

describe('vectors', () => {
  it.each([1, 4, 7, 640])('of %i numbers', (count) => {
    arena.reset(100_000);
    const [a, b] = [held(normals(count, 1, 1)), held(normals(count, 2, 2))];
    const sum = (values: Iterable<number>) => Array.from(values).reduce((all, one) => all + one, 0);
    expect(kernels.dot(a.address, b.address, a.padded)).toBeCloseTo(
      sum(a.view.map((x, i) => x * b.view[i])),
      4,
    );
    expect(kernels.sum(b.address, b.padded)).toBeCloseTo(sum(b.view), 8);
    expect(kernels.largest(b.address, b.padded)).toBe(Math.max(...b.view.map(Math.abs)));
    const moved = a.view.map((x, i) => x + Math.fround(0.3 * b.view[i]));
    kernels.add(a.address, b.address, a.padded, 0.3);
    for (const [i, x] of a.view.entries()) expect(x).toBeCloseTo(moved[i], 5);
    kernels.scale(b.address, b.padded, -1);
    expect(b.view[count - 1]).toBe(Math.fround(-2 * normals(count, 1, 2)[count - 1]));
  });
});

/** What every case is computed from, [classes, rows]. */
interface Case {
  rows: number;
  classes: number;
  logits: Float32Array;
  motion: Float32Array;
  pull: Float32Array;
  mass: Float32Array;
  step: number;
}

interface Expected {
  value: number;
  slope: number;
  curvature: number;
  residuals: number[];
}

function softmax({ rows, classes, logits, motion, pull, step }: Case): Expected {
  const expected: Expected = { value: 0, slope: 0, curvature: 0, residuals: [] };
  for (let row = 0; row < rows; row++) {
    const at = Array.from({ length: classes }, (_, c) => c * rows + row);
    const moved = at.map((i) => logits[i] + step * motion[i]);
    const most = Math.max(...moved);
    const normaliser = moved.reduce((sum, logit) => sum + Math.exp(logit - most), 0);
    const shares = moved.map((logit) => Math.exp(logit - most) / normaliser);
    const mass = at.reduce((sum, i) => sum + pull[i], 0);
    const mean = shares.reduce((sum, share, c) => sum + share * motion[at[c]], 0);
    expected.value += mass * (most + Math.log(normaliser));
    for (const [c, i] of at.entries()) {
      const residual = mass * shares[c] - pull[i];
      expected.residuals[i] = residual;
      expected.value -= pull[i] * moved[c];
      expected.slope += residual * motion[i];
      expected.curvature += mass * shares[c] * (motion[i] - mean) ** 2;
    }
  }
  return expected;
}

function sigmoid({ logits, motion, pull, mass, step }: Case): Expected {
  const expected: Expected = { value: 0, slope: 0, curvature: 0, residuals: [] };
  for (const [i, start] of logits.entries()) {
    const logit = start + step * motion[i];
    const yes = 1 / (1 + Math.exp(-logit));
    const residual = mass[i] * yes - pull[i];
    expected.residuals.push(residual);
    expected.value +=
      mass[i] * (Math.max(logit, 0) + Math.log1p(Math.exp(-Math.abs(logit)))) - pull[i] * logit;
    expected.slope += residual * motion[i];
    expected.curvature += mass[i] * yes * (1 - yes) * motion[i] ** 2;
  }
  return expected;
}

describe.each([
  { output: 'softmax', reference: softmax },
  { output: 'sigmoid', reference: sigmoid },
])('the loss of $output along a line', ({ output, reference }) => {
  // Logits of 300 underflow in a careless softmax, those of 800 overflow in any.
  it.each([0.01, 1, 30, 300, 800])('with logits of about %d', (spread) => {
    const [rows, classes] = [36, 5];
    arena.reset(100_000);
    const count = rows * classes;
    const arrays = {
      logits: held(normals(count, spread, 3)),
      motion: held(normals(count, 1, 4)),
      residuals: arena.allocate(count),
      pull: held(normals(count, 1, 5).map((x) => Math.max(0, x) / rows)),
      mass: held(normals(count, 1, 6).map((x) => (1 + Math.abs(x)) / rows)),
    };
    const [logits, motion, residuals, pull, mass] = Object.values(arrays).map(({ address }) => address);
    const point = arena.allocate(6);
    const step = Math.fround(0.7);
    if (output === 'softmax')
      kernels.softmaxLoss(logits, motion, residuals, pull, rows, classes, step, point.address);
    else kernels.sigmoidLoss(logits, motion, residuals, pull, mass, count, step, point.address);
    const [value, slope, curvature] = new Float64Array(point.view.buffer, point.address, 3);

    const views = {
      logits: arrays.logits.view,
      motion: arrays.motion.view,
      pull: arrays.pull.view,
      mass: arrays.mass.view,
    };
    const expected = reference({ rows, classes, step, ...views });
    const close = (found: number, wanted: number, scale: number, tolerance: number) =>
      expect(Math.abs(found - wanted) / scale).toBeLessThan(tolerance);
    close(value, expected.value, Math.abs(expected.value), 1e-12);
    // Softmax adds up the slope from shares and pulls, which nearly cancel.
    close(slope, expected.slope, 1, 1e-11);
    close(curvature, expected.curvature, 1, 1e-11);
    for (const [i, residual] of arrays.residuals.view.entries())
      close(residual, expected.residuals[i], 1, 1e-7);
  });
});
