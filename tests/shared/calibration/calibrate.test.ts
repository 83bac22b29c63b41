/** Temperatures and thresholds against scikit-learn, and their edges. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { calibrated, fitCalibration } from '../../../src/shared/calibration/calibrate.ts';
import { fitTemperature, withTemperature } from '../../../src/shared/calibration/temperature.ts';
import { bestThreshold, rank, tuneThresholds } from '../../../src/shared/calibration/thresholds.ts';
import type { Output, Task } from '../../../src/shared/head/config.ts';
import type { Evaluation } from '../../../src/shared/metrics/counts.ts';
import { perClass } from '../../../src/shared/metrics/per-class.ts';

interface Fitted {
  probabilities: number[];
  temperature: number;
}

interface Golden {
  units: number;
  cases: {
    name: string;
    task: Task;
    rows: number;
    classes: number;
    units: number[];
    targets: number[];
    bestF1?: (number | null)[];
  }[];
  temperatures: ({ classes: number; targets: number[] } & Record<Output, Fitted>)[];
}

const golden: Golden = JSON.parse(readFileSync(new URL('../metrics/golden.json', import.meta.url), 'utf8'));
const OUTPUTS = ['softmax', 'sigmoid'] as const;

function evaluation(
  probabilities: readonly number[],
  targets: readonly number[],
  classes: number,
  task: Task,
): Evaluation {
  return {
    probabilities: Float32Array.from(probabilities),
    targets: Uint8Array.from(targets),
    rows: targets.length / classes,
    classes,
    task,
  };
}

describe.each(OUTPUTS)('the temperature of a %s head', (output) => {
  it.each(golden.temperatures.map((one) => ({ ...one, temperature: one[output].temperature })))(
    "is scikit-learn's: $temperature",
    ({ classes, targets, ...one }) => {
      const { probabilities, temperature } = one[output];
      const found = fitTemperature(evaluation(probabilities, targets, classes, 'multiclass'), output);
      expect(Math.abs(found / temperature - 1)).toBeLessThan(1e-4);
    },
  );

  it('divides the logits: half a temperature twice is the temperature', () => {
    const [{ classes, ...one }] = golden.temperatures;
    const probabilities = Float32Array.from(one[output].probabilities);
    const scale = (values: Float32Array, temperature: number) =>
      withTemperature(values, { classes, output, temperature });
    const twice = scale(scale(probabilities, 2), 3);
    scale(probabilities, 6).forEach((p, index) => {
      expect(p).toBeCloseTo(twice[index], 5);
    });
    expect(scale(probabilities, 6)).not.toEqual(probabilities);
  });

  it('keeps probabilities of 0 and 1 finite', () => {
    const scaled = withTemperature(Float32Array.of(1, 0), { classes: 2, output, temperature: 20 });
    expect(scaled.every((p) => p > 0 && p < 1)).toBe(true);
  });

  it('is 1 where every row is predicted correctly, and without rows', () => {
    const right = evaluation([0.6, 0.4, 0.1, 0.9], [1, 0, 0, 1], 2, 'multiclass');
    expect(fitTemperature(right, output)).toBe(1);
    expect(fitTemperature(evaluation([], [], 2, 'multiclass'), output)).toBe(1);
  });
});

describe('thresholds', () => {
  it.each(golden.cases.filter(({ task }) => task === 'multilabel'))(
    'reach the best F1 on the precision-recall curve of scikit-learn: $name',
    ({ units, targets, classes, bestF1 }) => {
      const given = evaluation(
        units.map((count) => count / golden.units),
        targets,
        classes,
        'multilabel',
      );
      const once = new Int32Array(given.rows).fill(1);
      const names = Array.from({ length: classes }, (_, label) => `c${label}`);
      const thresholds = names.map((_, label) => bestThreshold(rank(given, label), once));
      const tuned = tuneThresholds(given);
      for (const [label, { f1 }] of perClass({ ...given, thresholds }, names).entries()) {
        const best = bestF1?.[label];
        if (best === null) expect(tuned[label]).toBe(0.5);
        else {
          expect(f1).toBeCloseTo(best ?? Number.NaN, 6);
          expect(Math.abs(tuned[label] - thresholds[label])).toBeLessThan(0.3);
        }
      }
    },
  );

  it('stay at a half where nothing else is better', () => {
    const column = [0.9, 0.8, 0.8, 0.7, 0.7, 0.3, 0.3, 0.2, 0.2, 0.1];
    const targets = column.map((p) => (p > 0.5 ? 1 : 0));
    expect(tuneThresholds(evaluation(column, targets, 1, 'multilabel'))).toEqual([0.5]);
  });

  it.each([
    // One image above a half, with the label: as good as four with both of it, and nearer.
    ['a half before others that are as good', [0.7, 0.4, 0.3, 0.2, 0.1], [1, 0, 0, 1, 0], 0.5],
    // A label at a half is not predicted at a threshold of a half.
    ['what images exceed', [0.5, 0.4, 0.3], [1, 0, 0], 0.45],
    ['the nearer to a half of two that are as good', [0.9, 0.8, 0.2, 0.1, 0.05], [1, 0, 0, 1, 0], 0.85],
    ['halfway between images', [0.4, 0.3, 0.2, 0.1], [1, 1, 0, 0], 0.25],
    ['none between equal probabilities', [0.4, 0.3, 0.3, 0.1], [1, 1, 0, 0], 0.2],
  ])('are %s', (_, column, targets, threshold) => {
    const ranked = rank(evaluation(column, targets, 1, 'multilabel'), 0);
    expect(bestThreshold(ranked, new Int32Array(column.length).fill(1))).toBeCloseTo(threshold, 6);
  });

  it('leave out rows that a resample did not draw, and count others as often as it did', () => {
    const ranked = rank(evaluation([0.9, 0.8, 0.4, 0.3], [0, 1, 1, 0], 1, 'multilabel'), 0);
    expect(bestThreshold(ranked, Int32Array.of(0, 1, 1, 1))).toBeCloseTo(0.35, 6);
    expect(bestThreshold(ranked, Int32Array.of(0, 9, 1, 30))).toBeCloseTo(0.35, 6);
    expect(bestThreshold(ranked, Int32Array.of(0, 1, 0, 0))).toBe(0.5);
  });

  it.each([
    [4, 6, false],
    [5, 5, true],
    [6, 4, false],
  ])('stay at a half of a label that %i images have and %i have not: %j', (positives, rest, tuned) => {
    const column = Array.from({ length: 10 }, (_, row) => 0.4 - 0.01 * row);
    const targets = [...Array(positives).fill(1), ...Array(rest).fill(0)];
    const [threshold] = tuneThresholds(evaluation(column, targets, 1, 'multilabel'));
    expect(threshold !== 0.5).toBe(tuned);
  });

  it('never predicts a label for every image', () => {
    const column = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.15, 0.1];
    const targets = [0, 0, 0, 0, 0, 1, 1, 1, 1, 1];
    const ranked = rank(evaluation(column, targets, 1, 'multilabel'), 0);
    const threshold = bestThreshold(ranked, new Int32Array(10).fill(1));
    expect(column.some((p) => p <= threshold)).toBe(true);
  });
});

describe('calibration', () => {
  it('gives multi-label heads thresholds and leaves their probabilities as trained', () => {
    const given = evaluation([0.1, 0.2, 0.3, 0.4], [1, 1, 0, 0], 1, 'multilabel');
    const calibration = fitCalibration(given, 'sigmoid');
    expect(calibration).toEqual({ thresholds: [0.5] });
    expect(calibrated(given, 'sigmoid', { thresholds: [0.35] })).toEqual({ ...given, thresholds: [0.35] });
  });

  it('leaves a temperature at 1 that few rows cannot tell from it', () => {
    const p = [0.9, 0.1, 0.2, 0.8, 0.7, 0.3, 0.4, 0.6];
    const given = evaluation(p, [1, 0, 0, 1, 0, 1, 0, 1], 2, 'multiclass');
    expect(fitTemperature(given, 'softmax')).not.toBeCloseTo(1, 2);
    expect(fitCalibration(given, 'softmax')).toEqual({ temperature: 1 });
  });

  it('gives multiclass heads a temperature and leaves their predictions as trained', () => {
    const [{ classes, targets, softmax }] = golden.temperatures;
    const given = evaluation(softmax.probabilities, targets, classes, 'multiclass');
    const calibration = fitCalibration(given, 'softmax');
    expect(Object.keys(calibration)).toEqual(['temperature']);
    const { probabilities } = calibrated(given, 'softmax', calibration);
    const isPredicted = (values: Float32Array) =>
      Array.from({ length: given.rows }, (_, row) => {
        const of = values.slice(row * classes, (row + 1) * classes);
        return of.indexOf(Math.max(...of));
      });
    expect(isPredicted(probabilities)).toEqual(isPredicted(given.probabilities));
  });
});
