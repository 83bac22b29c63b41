/** Calibration error, top-k accuracies and rare labels. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { rareLabels } from '../../../src/shared/dataset/rare-labels.ts';
import { calibrationError, topKAccuracy } from '../../../src/shared/metrics/confidence.ts';

interface MulticlassCase {
  name: string;
  task: 'multiclass';
  rows: number;
  classes: number;
  units: number[];
  targets: number[];
  confidence: { calibrationError: number; topK: Record<string, number> };
}

const golden: { units: number; cases: MulticlassCase[] } = JSON.parse(
  readFileSync(new URL('golden.json', import.meta.url), 'utf8'),
);
const cases = golden.cases.filter(({ task }) => task === 'multiclass');

it.each(cases)('is as scikit-learn has it: $name', ({ rows, classes, task, units, targets, confidence }) => {
  const evaluation = {
    probabilities: Float32Array.from(units, (count) => count / golden.units),
    targets: Uint8Array.from(targets),
    rows,
    classes,
    task,
  };
  expect(calibrationError(evaluation)).toBeCloseTo(confidence.calibrationError, 6);
  const top = topKAccuracy(evaluation);
  expect(Object.keys(top)).toEqual(Object.keys(confidence.topK));
  for (const [k, share] of Object.entries(confidence.topK)) expect(top[k]).toBeCloseTo(share, 6);
});

it('says null without rows', () => {
  const none = {
    probabilities: new Float32Array(),
    targets: new Uint8Array(),
    rows: 0,
    classes: 3,
    task: 'multiclass' as const,
  };
  expect(calibrationError(none)).toBeNull();
  expect(topKAccuracy(none)).toEqual({ 2: null });
});

describe('rareLabels', () => {
  const rows = (count: number, labels: readonly number[]) =>
    Array.from({ length: count }, () => labels).flat();

  it('counts the images of labels that are rare in some split, the rarest first', () => {
    const targets = Uint8Array.from([
      ...rows(6, [1, 1, 1]),
      ...rows(4, [1, 1, 0]),
      ...rows(1, [1, 0, 0]),
      ...rows(5, [1, 1, 0]),
      ...rows(9, [0, 0, 1]),
    ]);
    const splits = [
      ...rows(6, [0]).map(() => 'train' as const),
      ...rows(5, [0]).map(() => 'val' as const),
      ...rows(5, [0]).map(() => 'test' as const),
      ...rows(9, [0]).map(() => null),
    ];
    expect(rareLabels(targets, ['often', 'rare', 'rarest'], splits)).toEqual([
      { name: 'rarest', train: 6, val: 0, test: 0 },
      { name: 'rare', train: 6, val: 4, test: 5 },
    ]);
  });

  it('asks nothing of a split without images', () => {
    expect(
      rareLabels(
        Uint8Array.from(rows(5, [1])),
        ['a'],
        rows(5, [0]).map(() => 'train' as const),
      ),
    ).toEqual([]);
  });
});
