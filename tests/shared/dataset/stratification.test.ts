/** Iterative stratification where labels compete for the same items, and where items differ in size. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { stratify } from '../../../src/shared/dataset/stratification.ts';
import { random } from '../../../src/shared/random.ts';

it('gives subset 0 an item of every label, however labels overlap', () => {
  const labels = fc.subarray([0, 1, 2, 3, 4], { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(fc.array(labels, { minLength: 3, maxLength: 14 }), fc.nat(9), (lists, seed) => {
      const items = lists.map((list) => ({ labels: list, size: 1 }));
      const subsets = stratify(items, 5, [0.1, 0.45, 0.45], random(seed));
      const trained = lists.filter((_, item) => subsets[item] === 0).flat();
      expect(new Set(trained)).toEqual(new Set(lists.flat()));
    }),
    { numRuns: 300, seed: 1 },
  );
});

it('balances rows, not items, where items stand for many rows', () => {
  const items = [20, 20, 20, 20, ...Array<number>(20).fill(1)].map((size) => ({ labels: [0], size }));
  for (let seed = 0; seed < 5; seed++) {
    const rows = [0, 0, 0];
    stratify(items, 1, [0.6, 0.2, 0.2], random(seed)).forEach((split, item) => {
      rows[split] += items[item].size;
    });
    expect(rows).toEqual([60, 20, 20]);
  }
});

it('moves no item to subset 0 whose labels are there by then', () => {
  const lists = [[], [2, 3], [1, 2, 3, 4], [1, 3, 4], [], [2, 4], [0, 3], [1]];
  const items = lists.map((labels) => ({ labels, size: 1 }));
  expect([...stratify(items, 5, [0.1, 0.45, 0.45], random(0))]).toEqual([2, 1, 0, 2, 1, 2, 0, 0]);
});

it('gives a seed the same subsets in every version: runs stay comparable', () => {
  const stream = random(1, 'golden');
  const items = Array.from({ length: 24 }, () => ({
    labels: [0, 1, 2, 3].filter((label) => stream.uniform() < 0.5 / (label + 1)),
    size: 1 + stream.integer(3),
  }));
  const subsets = stratify(items, 4, [0.6, 0.2, 0.2], random(7, 'split'));
  expect(subsets.join('')).toBe('000221202110000201020100');
  const folds = stratify(items, 4, [1 / 3, 1 / 3, 1 / 3], random(7, 'folds'), { first: false });
  expect(folds.join('')).toBe('220111202200012102010211');
});
