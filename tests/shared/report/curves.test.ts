import { describe, expect, it } from 'vitest';
import type { Evaluation } from '../../../src/shared/metrics/counts.ts';
import {
  calibrationBins,
  classCurves,
  cooccurrence,
  wrongPredictions,
} from '../../../src/shared/report/curves.ts';

/** Three rows of two classes; the last is predicted wrongly. */
const threeRows: Evaluation = {
  probabilities: Float32Array.of(0.9, 0.1, 0.25, 0.75, 0.625, 0.375),
  targets: Uint8Array.of(1, 0, 0, 1, 0, 1),
  rows: 3,
  classes: 2,
  task: 'multiclass',
};

describe('curves of a report', () => {
  it('rank the rows of each shown class', () => {
    const [curve, ...others] = classCurves(threeRows, ['a', 'b'], [1]);
    expect(others).toEqual([]);
    expect(curve.name).toBe('b');
    expect(curve.roc).toEqual([
      [0, 0],
      [0, 0.5],
      [0, 1],
      [1, 1],
    ]);
    expect(curve.precisionRecall).toEqual([
      [0.5, 1],
      [1, 1],
      [1, 0.6667],
    ]);
    expect(curve.thresholds).toEqual([]);
  });

  it('of multi-label predictions have the scores at every threshold and the one in use', () => {
    const multilabel: Evaluation = { ...threeRows, task: 'multilabel', thresholds: [0.5, 0.3] };
    const [, curve] = classCurves(multilabel, ['a', 'b'], [0, 1]);
    expect(curve.threshold).toBe(0.3);
    expect(curve.thresholds).toEqual([
      [0.75, 1, 0.5, 0.6667],
      [0.375, 1, 1, 1],
      [0.1, 0.6667, 1, 0.8],
    ]);
  });

  it('treat equal probabilities alike', () => {
    const equal = { ...threeRows, probabilities: threeRows.probabilities.map(() => 0.5) };
    expect(classCurves(equal, ['a', 'b'], [0])[0].roc).toEqual([
      [0, 0],
      [1, 1],
    ]);
  });

  it('show how often predictions of a confidence are right', () => {
    const bins = calibrationBins(threeRows);
    expect(bins.map(({ right, count }) => [right, count])).toEqual([
      [0, 1],
      [1, 1],
      [1, 1],
    ]);
    expect(bins[0].confidence).toBeCloseTo(0.625);
  });

  it('count labels that come together', () => {
    expect(cooccurrence(Uint8Array.of(1, 1, 1, 0, 0, 1), 2)).toEqual([
      [2, 1],
      [1, 2],
    ]);
  });

  it('list wrong predictions, the most confident first', () => {
    expect(wrongPredictions(threeRows)).toEqual([{ row: 2, label: 0, present: true, confidence: 0.625 }]);
    const several: Evaluation = { ...threeRows, task: 'multilabel' };
    expect(wrongPredictions(several)).toEqual([{ row: 2, label: 0, present: true, confidence: 0.625 }]);
  });
});
