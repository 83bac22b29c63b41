/** Random search: ranges read and drawn from, heads that differ. */
import { describe, expect, it } from 'vitest';
import { random } from '../../../src/shared/random.ts';
import type { Grid, HeadBlock } from '../../../src/train/options/grid.ts';
import { expandGrid, parseGrid } from '../../../src/train/search/grid.ts';
import { DEFAULT_SPACE, drawHeads } from '../../../src/train/search/random.ts';
import { drawFrom, type Range } from '../../../src/train/search/ranges.ts';

describe('a range in a grid', () => {
  it('is read beside plain values, with or without log', async () => {
    expect(await parseGrid('lr=log(1e-5..1e-1);dropout=0,0.2..0.5;batch-size=16..64')).toEqual([
      {
        lr: [{ from: 1e-5, to: 0.1, scale: 'log', numbers: 'real' }],
        dropout: [0, { from: 0.2, to: 0.5, scale: 'linear', numbers: 'real' }],
        batchSize: [{ from: 16, to: 64, scale: 'linear', numbers: 'whole' }],
      },
    ]);
  });

  it.each([
    [
      'hidden=16..64',
      'Expected a list of values (hidden is not a number) for hidden in --grid but received "16..64"',
    ],
    ['lr=1..0.1', 'Expected a range from its lower to its higher end for lr in --grid but received "1..0.1"'],
    ['dropout=0..1.5', 'Expected a number from 0 to below 1 for dropout in --grid but received "1.5"'],
    ['l2=log(0..1)', 'Expected a range above 0 for log(...) for l2 in --grid but received "log(0..1)"'],
    [
      'batch-size=1.5..8',
      'Expected a whole number of at least 1 for batch-size in --grid but received "1.5"',
    ],
    ['lr=..1', 'Expected a number above 0 for lr in --grid but received ""'],
    ['lr=log(1..2', 'Expected a number above 0 for lr in --grid but received "log(1..2"'],
  ])('%s is refused', async (spec, message) => {
    await expect(parseGrid(spec)).rejects.toThrow(message);
  });

  it('needs --random', async () => {
    const grid = await parseGrid('lr=log(1e-4..1e-1)');
    expect(() => expandGrid({}, grid, 'multiclass')).toThrow(
      'Expected --random N with ranges for --grid but received "log(0.0001..0.1)"',
    );
  });
});

describe('drawing', () => {
  const drawn = (range: Range) => {
    const stream = random(1, 'test');
    return Array.from({ length: 4000 }, () => drawFrom(range, stream));
  };
  const shareBelow = (values: number[], limit: number) =>
    values.filter((value) => value < limit).length / values.length;

  it('gives every factor of a logarithmic range the same chance', () => {
    const values = drawn({ from: 1e-5, to: 1e-1, scale: 'log', numbers: 'real' });
    expect(values.every((value) => value >= 1e-5 && value <= 1e-1)).toBe(true);
    for (const [limit, share] of [
      [1e-4, 0.25],
      [1e-3, 0.5],
      [1e-2, 0.75],
    ])
      expect(Math.abs(shareBelow(values, limit) - share)).toBeLessThan(0.03);
  });

  it('gives every difference of a plain range the same chance', () => {
    const values = drawn({ from: 0.2, to: 0.6, scale: 'linear', numbers: 'real' });
    expect(Math.abs(shareBelow(values, 0.3) - 0.25)).toBeLessThan(0.03);
    expect(values.every((value) => value >= 0.2 && value <= 0.6)).toBe(true);
  });

  it.each(['linear', 'log'] as const)('draws whole numbers, both ends included (%s)', (scale) => {
    const values = drawn({ from: 1, to: 4, scale, numbers: 'whole' });
    expect([...new Set(values)].sort()).toEqual([1, 2, 3, 4]);
  });
});

/** The heads drawn from a grid for one source. */
function heads(
  base: Parameters<typeof drawHeads>[0],
  grid: readonly HeadBlock[],
  options: { count: number; seed: number },
) {
  const blocks = grid.map((block) => ({ source: 0, block }));
  return drawHeads(base, blocks, 'multiclass', options).map(({ config }) => config);
}

describe('drawHeads', () => {
  const grid: Grid = [
    {
      hidden: [[], [8]],
      lr: [{ from: 1e-4, to: 1e-1, scale: 'log', numbers: 'real' }],
    },
    { optimizer: ['sgd'], momentum: [0, 0.9], lr: [0.1] },
  ];

  it('draws as many different heads as asked for, from every block', () => {
    const found = heads({ epochs: 7 }, grid, { count: 40, seed: 0 });
    expect(new Set(found.map((head) => JSON.stringify(head))).size).toBe(40);
    expect(found.every(({ epochs }) => epochs === 7)).toBe(true);
    expect(new Set(found.map(({ optimizer, hidden }) => `${optimizer} ${hidden}`)).size).toBe(3);
  });

  it('depends on the seed, and begins with what fewer heads would be', () => {
    const draw = (count: number, seed: number) => heads({}, grid, { count, seed });
    expect(draw(10, 1)).toEqual(draw(10, 1));
    expect(draw(10, 1)).not.toEqual(draw(10, 2));
    expect(draw(10, 1).slice(0, 4)).toEqual(draw(4, 1));
  });

  it('ends when a grid without ranges has no more heads', () => {
    const lists: Grid = [{ hidden: [[], [8]], lr: [0.1, 0.01] }];
    const found = heads({}, lists, { count: 100, seed: 0 });
    expect(found).toHaveLength(4);
  });

  it('draws from every source, and the same head of two of them twice', () => {
    const blocks = [0, 1].map((source) => ({ source, block: { lr: [0.1, 0.01] } }));
    const found = drawHeads({}, blocks, 'multiclass', { count: 10, seed: 0 });
    expect(found.map(({ source, config }) => `${source} ${config.lr}`).sort()).toEqual([
      '0 0.01',
      '0 0.1',
      '1 0.01',
      '1 0.1',
    ]);
  });

  it('has usual rates and penalties in its own space, and uses all of them', () => {
    const drawn = heads({}, DEFAULT_SPACE, { count: 600, seed: 1 });
    const within = (values: readonly number[], [from, to]: [number, number], slack: number) => {
      const some = values.filter((value) => value > 0);
      const [low, high] = [Math.min(...some), Math.max(...some)];
      expect(low).toBeGreaterThanOrEqual(from);
      expect(low).toBeLessThan(from * slack);
      expect(high).toBeLessThanOrEqual(to);
      expect(high).toBeGreaterThan(to / slack);
    };
    within(
      drawn.map(({ dropout }) => dropout),
      [0.1, 0.7],
      1.1,
    );
    within(
      drawn.map(({ l2 }) => l2),
      [1e-6, 1e-2],
      1.3,
    );
    within(
      drawn.map(({ lr }) => lr),
      [1e-4, 3e-2],
      1.1,
    );
    const without = (key: 'dropout' | 'l2') => drawn.filter((head) => head[key] === 0).length;
    expect([without('dropout'), without('l2')].every((count) => count > 200 && count < 400)).toBe(true);
    expect(new Set(drawn.map(({ hidden }) => hidden.join()))).toEqual(new Set(['', '64', '256', '512']));
  });

  it.each(['multiclass', 'multilabel'] as const)('has a space of its own (%s)', (task) => {
    const blocks = DEFAULT_SPACE.map((block) => ({ source: 0, block }));
    expect(drawHeads({}, blocks, task, { count: 25, seed: 3 })).toHaveLength(25);
  });
});
