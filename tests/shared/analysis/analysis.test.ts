import { describe, expect, it } from 'vitest';
import { bootstrap } from '../../../src/shared/analysis/bootstrap.ts';
import { principalComponents, project } from '../../../src/shared/analysis/components.ts';
import { leaveOneOut } from '../../../src/shared/analysis/probe.ts';
import { separability } from '../../../src/shared/analysis/separability.ts';
import type { Evaluation } from '../../../src/shared/metrics/counts.ts';
import { random } from '../../../src/shared/random.ts';
import { hashesOf } from '../../support/content-hashes.ts';

/** `rows` rows of which each class lies around a corner of its own. */
function made(rows: number, { classes = 4, inputs = 40, distance = 5, seed = 0 } = {}) {
  const stream = random(seed, 'made');
  const targets = new Uint8Array(rows * classes);
  const matrix = new Float32Array(rows * inputs);
  for (let row = 0; row < rows; row++) {
    targets[row * classes + (row % classes)] = 1;
    for (let i = 0; i < inputs; i++)
      matrix[row * inputs + i] =
        Math.abs(stream.normal()) + (i % classes === row % classes ? distance / 4 : 0);
  }
  const hashes = hashesOf(Array.from({ length: rows }, (_, row) => `hash ${row}`));
  return {
    matrix,
    inputs,
    targets,
    classes,
    hashes,
    views: new Int16Array(rows),
    task: 'multiclass' as const,
  };
}

describe('likely label errors', () => {
  it('have five planted among 500 images within the first 25', () => {
    const data = made(500);
    const stream = random(1, 'planted');
    const planted = Array.from({ length: 5 }, () => stream.integer(500));
    for (const row of planted) {
      const given = row % 4;
      data.targets[row * 4 + given] = 0;
      data.targets[row * 4 + ((given + 1 + stream.integer(3)) % 4)] = 1;
    }
    const first = separability(data).labelIssues.slice(0, 25);
    for (const row of planted) {
      const issue = first.find((one) => one.row === row);
      expect(issue?.suggestion).toEqual({ label: row % 4, present: true });
    }
  });

  it('of a label that few images have are found where it is missing', () => {
    const data = { ...made(400, { classes: 16, distance: 6 }), task: 'multilabel' as const };
    const removed = [0, 16, 32, 48, 64];
    for (const row of removed) data.targets[row * 16] = 0;
    const first = separability(data).labelIssues.slice(0, 25);
    const found = removed.filter((row) =>
      first.some(({ row: one, suggestion }) => one === row && suggestion.label === 0 && suggestion.present),
    );
    // With a half instead of the middle, none.
    expect(found.length).toBeGreaterThanOrEqual(4);
  });

  it('of multi-label images are labels to add or to take away', () => {
    const data = { ...made(300), task: 'multilabel' as const };
    data.targets[0] = 0;
    data.targets[4 * 1 + 2] = 1;
    const { labelIssues } = separability(data);
    expect(labelIssues.slice(0, 2).map(({ row, suggestion }) => ({ row, ...suggestion }))).toEqual(
      expect.arrayContaining([
        { row: 0, label: 0, present: true },
        { row: 1, label: 2, present: false },
      ]),
    );
  });
});

describe('the probes', () => {
  it('tell separable classes from chance', () => {
    const separable = separability(made(300));
    expect(separable.linearAuc).toBeGreaterThan(0.95);
    expect(separable.neighbourAuc).toBeGreaterThan(0.9);
    const noise = separability(made(300, { distance: 0 }));
    expect(noise.linearAuc).toBeLessThan(0.5 + 3 * noise.chanceError);
    expect(noise.neighbourAuc).toBeLessThan(0.5 + 3 * noise.chanceError);
  });

  it('look at copies and views once', () => {
    const data = made(40);
    data.hashes.copy(data.hashes, 32, 0, 32);
    data.views[2] = 1;
    expect([...separability(data).rows].slice(0, 3)).toEqual([0, 3, 4]);
  });

  it('leave each row out in closed form as by fitting again without it', () => {
    const stream = random(3, 'ridge');
    const [rows, width] = [12, 2];
    const coordinates = Float32Array.from({ length: rows * width }, () => stream.normal());
    const targets = Uint8Array.from({ length: rows }, (_, row) => Number(coordinates[row * width] > 0));
    const scores = leaveOneOut({ coordinates, targets, rows, width, classes: 1 });
    // The penalty that the probe chose is one of its own; a fit without row 0 must agree for that one.
    const agrees = [0.001, 0.01, 0.03, 0.1, 0.3, 1, 10].some(
      (share) => Math.abs(without(0, share) - scores[0]) < 1e-4,
    );
    expect(agrees).toBe(true);

    function without(left: number, share: number): number {
      let scale = 0;
      for (const value of coordinates) scale += value ** 2 / width;
      const kept = Array.from({ length: rows }, (_, row) => row).filter((row) => row !== left);
      // Gradient descent on the penalised squares: slow, and nothing like the closed form.
      const weights = [0, 0, 0];
      for (let step = 0; step < 40_000; step++) {
        const gradient = weights.map((weight, i) => (i < 2 ? share * scale * weight : 0));
        for (const row of kept) {
          const x = [coordinates[row * 2], coordinates[row * 2 + 1], 1];
          const error = x.reduce((sum, value, i) => sum + value * weights[i], 0) - targets[row];
          for (let i = 0; i < 3; i++) gradient[i] += error * x[i];
        }
        for (let i = 0; i < 3; i++) weights[i] -= (gradient[i] * 0.05) / (1 + share * scale);
      }
      return coordinates[0] * weights[0] + coordinates[1] * weights[1] + weights[2];
    }
  });
});

describe('principal components', () => {
  it('find the directions of most variance, in order', () => {
    const stream = random(5, 'plane');
    const values = new Float32Array(200 * 6);
    for (let row = 0; row < 200; row++) {
      values[row * 6 + 2] = 5 * stream.normal();
      values[row * 6 + 4] = 2 * stream.normal();
      for (let i = 0; i < 6; i++) values[row * 6 + i] += 0.01 * stream.normal();
    }
    const found = principalComponents({ values, rows: 200, inputs: 6 }, 2, 30);
    expect(Math.abs(found.axes[2])).toBeCloseTo(1, 2);
    expect(Math.abs(found.axes[6 + 4])).toBeCloseTo(1, 2);
    expect(found.share[0]).toBeGreaterThan(found.share[1]);
    const projected = project({ values, rows: 200, inputs: 6 }, found);
    expect(Math.abs(projected[0])).toBeCloseTo(Math.abs(values[2] - found.mean[2]), 0);
  });
});

describe('the bootstrap', () => {
  const predictions = (right: number, rows: number, sure = 0.9): Evaluation => ({
    probabilities: Float32Array.from({ length: rows * 2 }, (_, index) => {
      const row = Math.floor(index / 2);
      const isTrue = index % 2 === 0;
      return row < right === isTrue ? sure : 1 - sure;
    }),
    targets: Uint8Array.from({ length: rows * 2 }, (_, index) => (index % 2 === 0 ? 1 : 0)),
    rows,
    classes: 2,
    task: 'multiclass',
  });

  it('gives an interval as wide as the binomial one', () => {
    const [{ interval }] = bootstrap([predictions(80, 100)], 'accuracy');
    expect(interval?.low).toBeCloseTo(0.8 - 1.96 * 0.04, 1);
    expect(interval?.high).toBeCloseTo(0.8 + 1.96 * 0.04, 1);
  });

  it('says which heads cannot be told from the first', () => {
    const heads = [predictions(90, 100), predictions(88, 100), predictions(60, 100)];
    expect(bootstrap(heads, 'accuracy').map(({ tied }) => tied)).toEqual([true, true, false]);
    expect(bootstrap(heads, 'f1Macro').map(({ tied }) => tied)).toEqual([true, true, false]);
  });

  it('has no interval where there are too few rows', () => {
    expect(bootstrap([predictions(1, 1)], 'accuracy')).toEqual([{ interval: null, tied: true }]);
  });
});
