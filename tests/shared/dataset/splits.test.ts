/** Splits: shares, groups, small classes and the data's own split. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeLabels } from '../../../src/shared/dataset/labels.ts';
import { foldRows, type SplitRequest, splitKind, splitRows } from '../../../src/shared/dataset/splits.ts';
import { random } from '../../../src/shared/random.ts';
import { SPLITS, type Split } from '../../../src/shared/store/schema.ts';
import { hashesOf } from '../../support/content-hashes.ts';

function request(labels: string[][], overrides: Partial<SplitRequest> = {}): SplitRequest {
  const { task, classes, targets } = encodeLabels(labels, 'auto');
  const rows = labels.length;
  return {
    targets,
    rows,
    classes,
    task,
    groupIds: Int32Array.from(labels.keys()),
    hashes: hashesOf(labels.map((_, row) => `hash${row}`)),
    fixed: new Array<Split | null>(rows).fill(null),
    ratios: [70, 15, 15],
    seed: 0,
    ...overrides,
  };
}

const repeated = (counts: Record<string, number>): string[][] =>
  Object.entries(counts).flatMap(([name, count]) => Array.from({ length: count }, () => [name]));

const countsOf = (labels: string[][], rows: Int32Array) => {
  const counts: Record<string, number> = {};
  for (const row of rows) for (const label of labels[row]) counts[label] = (counts[label] ?? 0) + 1;
  return counts;
};

describe('splitRows', () => {
  it('keeps the share of every class in every split', () => {
    const labels = repeated({ a: 100, b: 40, c: 20 });
    const { train, val, test, warnings } = splitRows(request(labels));
    expect(countsOf(labels, train)).toEqual({ a: 70, b: 28, c: 14 });
    expect(countsOf(labels, val)).toEqual({ a: 15, b: 6, c: 3 });
    expect(countsOf(labels, test)).toEqual({ a: 15, b: 6, c: 3 });
    expect(warnings).toEqual([]);
  });

  it('draws the same splits for the same seed and others for another', () => {
    const labels = repeated({ a: 50, b: 50 });
    expect(splitRows(request(labels, { seed: 5 }))).toEqual(splitRows(request(labels, { seed: 5 })));
    expect(splitRows(request(labels, { seed: 5 }))).not.toEqual(splitRows(request(labels, { seed: 6 })));
  });

  it('keeps the share of every label of multi-label data', () => {
    const stream = random(1, 'labels');
    const frequencies = { common: 0.5, some: 0.2, rare: 0.04 };
    const labels = Array.from({ length: 500 }, () =>
      Object.entries(frequencies).flatMap(([name, share]) => (stream.uniform() < share ? [name] : [])),
    );
    const assignment = splitRows(request(labels));
    const whole = countsOf(labels, Int32Array.from(labels.keys()));
    for (const [split, share] of [
      ['train', 0.7],
      ['val', 0.15],
      ['test', 0.15],
    ] as const) {
      const counts = countsOf(labels, assignment[split]);
      for (const name of Object.keys(whole)) {
        expect(Math.abs(counts[name] - share * whole[name]), `${name} in ${split}`).toBeLessThan(3);
      }
      expect(Math.abs(assignment[split].length - share * labels.length), split).toBeLessThan(10);
    }
  });

  it('gives every split an image of a class with as few images as splits', () => {
    const labels = repeated({ a: 30, small: 3 });
    const assignment = splitRows(request(labels));
    for (const split of [assignment.train, assignment.val, assignment.test])
      expect(countsOf(labels, split).small).toBe(1);
  });

  it('trains on a class with fewer images than splits, and says so', () => {
    const labels = repeated({ a: 20, 'one\nimage': 1 });
    const { train, warnings } = splitRows(request(labels));
    expect(countsOf(labels, train)['one\nimage']).toBe(1);
    expect(warnings).toEqual([
      'No validation image of "one\\nimage": the validation scores leave out what they cannot measure',
      'No test image of "one\\nimage": the test scores leave out what they cannot measure',
    ]);
  });

  it('counts copies of one image as one', () => {
    const labels = repeated({ a: 20, copied: 6 });
    const groupIds = Int32Array.from(labels, ([name], row) => (name === 'copied' ? 20 : row));
    expect(countsOf(labels, splitRows(request(labels, { groupIds })).train).copied).toBe(6);
  });

  it('only trains on images whose copies have another label', () => {
    const labels = [...repeated({ a: 20, b: 20 }), ['a'], ['b']];
    const groupIds = Int32Array.from(labels, (_, row) => Math.min(row, 40));
    const { train, warnings } = splitRows(request(labels, { groupIds }));
    expect([...train]).toEqual(expect.arrayContaining([40, 41]));
    expect(warnings).toEqual(['1 image has copies with another label: used for training only']);
  });

  it('leaves the test split empty where its share is 0', () => {
    const { train, val, test } = splitRows(request(repeated({ a: 10, b: 10 }), { ratios: [80, 20, 0] }));
    expect([train.length, val.length, test.length]).toEqual([16, 4, 0]);
  });

  it('refuses data too small for a validation split', () => {
    expect(() => splitRows(request(repeated({ a: 2, b: 2 })))).toThrow(
      '4 images of 2 classes are too few: no image is left for validation',
    );
  });

  it('covers all rows once, keeps copies together and trains every class, whatever the data', () => {
    const row = fc.record({
      labels: fc.subarray(['a', 'b', 'c', 'd']),
      group: fc.integer({ min: 0, max: 30 }),
    });
    const ratios = fc.constantFrom([70, 15, 15], [10, 45, 45], [50, 50, 0]);
    fc.assert(
      fc.property(
        fc.array(row, { minLength: 30, maxLength: 80 }),
        ratios,
        fc.nat(99),
        (rows, shares, seed) => {
          const labels = [...rows.map((one) => one.labels), ...Array.from({ length: 4 }, () => ['a', 'b'])];
          const groupIds = Int32Array.from([...rows.map(({ group }) => group), 31, 32, 33, 34]);
          const requested = request(labels, { groupIds, seed, ratios: shares as [number, number, number] });
          const assignment = splitRows(requested);
          const all = [...assignment.train, ...assignment.val, ...assignment.test].sort((a, b) => a - b);
          expect(all).toEqual([...labels.keys()]);
          const splitOf = new Map<number, string>();
          for (const name of ['train', 'val', 'test'] as const) {
            for (const index of assignment[name]) {
              expect(splitOf.get(groupIds[index]) ?? name).toBe(name);
              splitOf.set(groupIds[index], name);
            }
          }
          expect(Object.keys(countsOf(labels, assignment.train)).sort()).toEqual(requested.classes);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe("the data's own split", () => {
  const labels = repeated({ a: 40, b: 40 });
  const own = (split: (row: number) => Split | null) => labels.map((_, row) => split(row));

  it('is kept as it is', () => {
    const fixed = own((row) => (row % 4 === 0 ? 'val' : row % 4 === 1 ? 'test' : 'train'));
    const assignment = splitRows(request(labels, { fixed }));
    for (const split of ['train', 'val', 'test'] as const) {
      expect([...assignment[split]].every((row) => fixed[row] === split)).toBe(true);
    }
    expect(assignment.train.length + assignment.val.length + assignment.test.length).toBe(80);
  });

  it('gets a validation split from training where it has none', () => {
    const fixed = own((row) => (row % 4 === 0 ? 'test' : 'train'));
    const { train, val, test } = splitRows(request(labels, { fixed, ratios: [50, 25, 25] }));
    expect([...test].every((row) => row % 4 === 0)).toBe(true);
    expect([train.length, val.length, test.length]).toEqual([40, 20, 20]);
    expect(countsOf(labels, val)).toEqual({ a: 10, b: 10 });
  });

  it('has no test split where it names only train and val', () => {
    const { test, warnings } = splitRows(
      request(labels, { fixed: own((row) => (row % 4 ? 'train' : 'val')) }),
    );
    expect(test.length).toBe(0);
    expect(warnings.join()).toContain('no test images');
  });

  it('is none where every row is named train', () => {
    const assignment = splitRows(request(labels, { fixed: own(() => 'train') }));
    expect(assignment).toEqual(splitRows(request(labels)));
  });

  it.each<[Split, Split]>([
    ['train', 'val'],
    ['train', 'test'],
    ['val', 'test'],
  ])('leaves a copy of an image out of %s where %s has it too, and keeps it there', (earlier, later) => {
    const fixed = own((row) => (row % 4 === 0 ? 'val' : row % 4 === 1 ? 'test' : 'train'));
    const [copy, original] = [fixed.indexOf(earlier), fixed.indexOf(later)];
    // The copy comes before and behind its original: which one is first must not matter.
    for (const same of [copy, fixed.lastIndexOf(earlier, 39)]) {
      const groupIds = Int32Array.from(labels, (_, row) => (row === same ? original : row));
      const assignment = splitRows(request(labels, { fixed, groupIds }));
      const whole = splitRows(request(labels, { fixed }));
      expect([...assignment[earlier]]).toEqual([...whole[earlier]].filter((row) => row !== same));
      for (const split of SPLITS) if (split !== earlier) expect(assignment[split]).toEqual(whole[split]);
      expect(assignment.warnings.join()).toMatch(/^1 .*cop.* in a later split/);
    }
  });

  it('leaves out copies of test images before a validation split is taken from training', () => {
    const fixed = own((row) => (row % 4 === 0 ? 'test' : 'train'));
    const groupIds = Int32Array.from(labels, (_, row) => (row < 4 ? 0 : row));
    const { train, val, test, warnings } = splitRows(
      request(labels, { fixed, groupIds, ratios: [50, 50, 0] }),
    );
    for (const row of [1, 2, 3]) expect([...train, ...val]).not.toContain(row);
    expect(test).toHaveLength(20);
    expect(warnings.join()).toContain('3 rows are copies');
  });

  it('is refused where some rows have none', () => {
    expect(() => splitRows(request(labels, { fixed: own((row) => (row < 10 ? null : 'train')) }))).toThrow(
      'Expected a split for every image for the data\'s own split but received "10 of 80 without one"',
    );
  });

  it('is refused where a class has no training image', () => {
    expect(() =>
      splitRows(request(labels, { fixed: own((row) => (row < 40 ? 'train' : row % 2 ? 'val' : 'test')) })),
    ).toThrow('Expected a training image of every class but received none of "b"');
  });
});

describe('a split', () => {
  it('takes percentages and shares', () => {
    expect(splitKind.parse('70/15/15', '--split')).toEqual([70, 15, 15]);
    expect(splitKind.parse('0.5/0.25/0.25', '--split')).toEqual([50, 25, 25]);
    expect(splitKind.parse('80/20/0', '--split')).toEqual([80, 20, 0]);
  });

  it.each([
    '',
    '70',
    '70/30',
    '70/15/15/0',
    '70/15/10',
    '70/15/15.5',
    '70/15/14.9999',
    '0.7/0.15/0.16',
    '100/0/0',
    '0/50/50',
    '70/a/15',
    '110/-5/-5',
    '70//30',
  ])('refuses %j', (text) => {
    expect(() => splitKind.parse(text, '--split')).toThrow(
      `Expected three percentages that add up to 100, like 70/15/15, for --split but received "${text}"`,
    );
  });
});

describe('foldRows', () => {
  it('takes the place of a validation split', () => {
    const labels = repeated({ a: 80, b: 19, c: 1 });
    const whole = splitRows(request(labels));
    const { train, val, test, warnings } = splitRows(request(labels, { folds: true }));
    expect(val).toHaveLength(0);
    expect(test).toEqual(whole.test);
    expect([...train]).toEqual([...whole.train, ...whole.val].sort((a, b) => a - b));
    expect(warnings.join()).toMatch(/No test image of "c"/);
    expect(warnings.join()).not.toMatch(/validation/);
  });

  it('keeps the share of every class in every fold', () => {
    const labels = repeated({ a: 40, b: 20, c: 8 });
    const { foldOf, warnings } = foldRows(request(labels), 4);
    for (let fold = 0; fold < 4; fold++) {
      const rows = Int32Array.from(foldOf.keys()).filter((row) => foldOf[row] === fold);
      expect(countsOf(labels, rows)).toEqual({ a: 10, b: 5, c: 2 });
    }
    expect(warnings).toEqual([]);
  });

  it('keeps an image, its copies and its views in one fold', () => {
    const labels = repeated({ a: 60, b: 60 });
    const groupIds = Int32Array.from(labels, (_, row) => row - (row % 3));
    const { foldOf } = foldRows(request(labels, { groupIds }), 5);
    for (const [row, fold] of foldOf.entries()) expect(fold).toBe(foldOf[row - (row % 3)]);
    expect(new Set(foldOf)).toEqual(new Set([0, 1, 2, 3, 4]));
  });

  it('spreads a class with fewer images than folds, and always trains on a single one', () => {
    const labels = repeated({ a: 50, rare: 3, single: 1 });
    const { foldOf, warnings } = foldRows(request(labels), 5);
    const rare = [...foldOf.subarray(50, 53)];
    expect(new Set(rare).size).toBe(3);
    expect(rare.every((fold) => fold >= 0)).toBe(true);
    expect(foldOf[53]).toBe(-1);
    expect(warnings).toEqual([
      'Fewer images than folds of "rare", "single": not every fold can measure them',
    ]);
  });

  it('always trains on images whose copies have another label', () => {
    const labels = repeated({ a: 10, b: 10 });
    const groupIds = Int32Array.from(labels, (_, row) => row % 19);
    const { foldOf } = foldRows(request(labels, { groupIds }), 3);
    expect([foldOf[0], foldOf[19]]).toEqual([-1, -1]);
    expect([...foldOf].filter((fold) => fold === -1)).toHaveLength(2);
  });

  it('depends on the seed, and refuses fewer images than folds', () => {
    const labels = repeated({ a: 20, b: 20 });
    const folds = (seed: number) => [...foldRows(request(labels, { seed }), 4).foldOf];
    expect(folds(1)).toEqual(folds(1));
    expect(folds(1)).not.toEqual(folds(2));
    expect(() => foldRows(request(repeated({ a: 2, b: 2 })), 5)).toThrow(
      'Expected at least 5 images for --folds but received 4',
    );
  });
});
