/** Input normalisation. */
import { describe, expect, it } from 'vitest';
import { fitStandardization, normalizeRows } from '../../../src/shared/dataset/normalize.ts';

describe('fitStandardization', () => {
  it('takes mean and biased deviation of the training rows alone', () => {
    // numpy: x[:3].mean(0), x[:3].std(0)
    const matrix = Float32Array.of(1, 10, 2, 10, 6, 10, 1000, -1000);
    const { mean, deviation } = fitStandardization(() => [matrix.subarray(0, 4), matrix.subarray(4, 6)], 2);
    expect([...mean]).toEqual([3, 10]);
    expect(deviation[0]).toBeCloseTo(Math.sqrt(14 / 3), 6);
    // A feature that never varies stays finite.
    expect(deviation[1]).toBe(1);
  });
});

describe('normalizeRows', () => {
  const rows = () => Float32Array.of(3, 4, 0, 0);

  it('leaves features as they are', () => {
    const matrix = rows();
    normalizeRows(matrix, 2, 'none', undefined);
    expect([...matrix]).toEqual([3, 4, 0, 0]);
  });

  it('scales to unit length, a row of zeros to itself', () => {
    const matrix = rows();
    normalizeRows(matrix, 2, 'l2', undefined);
    expect(matrix[0]).toBeCloseTo(0.6, 6);
    expect(matrix[1]).toBeCloseTo(0.8, 6);
    expect([matrix[2], matrix[3]]).toEqual([0, 0]);
  });

  it('compresses between their own scale and that of all, a row of zeros to itself', () => {
    // numpy: d = sqrt([1, 4] * 2.5); s = x / d; s = s / (1 + abs(s)); s / norm(s), of x = [3, -4]
    const matrix = Float32Array.of(3, -4, 0, 0);
    normalizeRows(matrix, 2, 'softsign', {
      mean: Float32Array.of(7, 7),
      deviation: Float32Array.of(1, 4),
    });
    expect(matrix[0]).toBeCloseTo(0.76087677, 6);
    expect(matrix[1]).toBeCloseTo(-0.6488964, 6);
    expect([matrix[2], matrix[3]]).toEqual([0, 0]);
  });

  it('standardizes with what was fitted', () => {
    const matrix = rows();
    normalizeRows(matrix, 2, 'standardize', {
      mean: Float32Array.of(1, 2),
      deviation: Float32Array.of(2, 4),
    });
    expect([...matrix]).toEqual([1, 0.5, -0.5, -0.5]);
  });
});
