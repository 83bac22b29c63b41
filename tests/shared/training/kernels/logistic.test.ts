/** The exact solver's kernels beside plain arithmetic in float64. */
import { describe, expect, it } from 'vitest';
import { random } from '../../../../src/shared/random.ts';
import { createArena } from '../../../../src/shared/training/arena.ts';

const arena = createArena();
const { kernels } = arena;

/** An array of the arena that holds the values. */
function allocated(values: readonly number[]) {
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
    const [a, b] = [allocated(normals(count, 1, 1)), allocated(normals(count, 2, 2))];
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
  logitDirection: Float32Array;
  weightedTargets: Float32Array;
  sampleWeights: Float32Array;
  step: number;
}

interface Expected {
  value: number;
  slope: number;
  curvature: number;
  residuals: number[];
}

function softmax({ rows, classes, logits, logitDirection, weightedTargets, step }: Case): Expected {
  const expected: Expected = { value: 0, slope: 0, curvature: 0, residuals: [] };
  for (let row = 0; row < rows; row++) {
    const indices = Array.from({ length: classes }, (_, c) => c * rows + row);
    const moved = indices.map((i) => logits[i] + step * logitDirection[i]);
    const most = Math.max(...moved);
    const normaliser = moved.reduce((sum, logit) => sum + Math.exp(logit - most), 0);
    const shares = moved.map((logit) => Math.exp(logit - most) / normaliser);
    const sampleWeights = indices.reduce((sum, i) => sum + weightedTargets[i], 0);
    const mean = shares.reduce((sum, share, c) => sum + share * logitDirection[indices[c]], 0);
    expected.value += sampleWeights * (most + Math.log(normaliser));
    for (const [c, i] of indices.entries()) {
      const residual = sampleWeights * shares[c] - weightedTargets[i];
      expected.residuals[i] = residual;
      expected.value -= weightedTargets[i] * moved[c];
      expected.slope += residual * logitDirection[i];
      expected.curvature += sampleWeights * shares[c] * (logitDirection[i] - mean) ** 2;
    }
  }
  return expected;
}

function sigmoid({ logits, logitDirection, weightedTargets, sampleWeights, step }: Case): Expected {
  const expected: Expected = { value: 0, slope: 0, curvature: 0, residuals: [] };
  for (const [i, start] of logits.entries()) {
    const logit = start + step * logitDirection[i];
    const yes = 1 / (1 + Math.exp(-logit));
    const residual = sampleWeights[i] * yes - weightedTargets[i];
    expected.residuals.push(residual);
    expected.value +=
      sampleWeights[i] * (Math.max(logit, 0) + Math.log1p(Math.exp(-Math.abs(logit)))) -
      weightedTargets[i] * logit;
    expected.slope += residual * logitDirection[i];
    expected.curvature += sampleWeights[i] * yes * (1 - yes) * logitDirection[i] ** 2;
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
      logits: allocated(normals(count, spread, 3)),
      logitDirection: allocated(normals(count, 1, 4)),
      residuals: arena.allocate(count),
      weightedTargets: allocated(normals(count, 1, 5).map((x) => Math.max(0, x) / rows)),
      sampleWeights: allocated(normals(count, 1, 6).map((x) => (1 + Math.abs(x)) / rows)),
    };
    const [logits, logitDirection, residuals, weightedTargets, sampleWeights] = Object.values(arrays).map(
      ({ address }) => address,
    );
    const point = arena.allocate(6);
    const step = Math.fround(0.7);
    if (output === 'softmax')
      kernels.softmaxLoss(
        logits,
        logitDirection,
        residuals,
        weightedTargets,
        rows,
        classes,
        step,
        point.address,
      );
    else
      kernels.sigmoidLoss(
        logits,
        logitDirection,
        residuals,
        weightedTargets,
        sampleWeights,
        count,
        step,
        point.address,
      );
    const [value, slope, curvature] = new Float64Array(point.view.buffer, point.address, 3);

    const views = {
      logits: arrays.logits.view,
      logitDirection: arrays.logitDirection.view,
      weightedTargets: arrays.weightedTargets.view,
      sampleWeights: arrays.sampleWeights.view,
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
