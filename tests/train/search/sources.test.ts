/** What heads are trained on, as a grid names it. */
import { expect, it } from 'vitest';
import {
  normalizationCount,
  type SourcedBlock,
  sourceName,
  splitBySource,
} from '../../../src/train/search/sources.ts';

const FALLBACK = { features: ['x'], pooling: [] };

it('every block counts once for each source it names, each source once', () => {
  const { sources, blocks } = splitBySource(
    [
      { lr: [0.1] },
      { features: [['a'], ['b', 'a']], pooling: [['avg'], ['max']] },
      { features: [['a']], pooling: [['max']] },
    ],
    FALLBACK,
  );
  expect(sources).toEqual([
    FALLBACK,
    { features: ['a'], pooling: ['avg'] },
    { features: ['a'], pooling: ['max'] },
    { features: ['b', 'a'], pooling: ['avg'] },
    { features: ['b', 'a'], pooling: ['max'] },
  ]);
  expect(blocks.map(({ source }) => source)).toEqual([0, 1, 2, 3, 4, 2]);
  expect(blocks[0].block).toEqual({ lr: [0.1] });
  expect(blocks[1].block).toEqual({});
});

it('one folder by two names is one source', () => {
  const { sources } = splitBySource([{ features: [['a'], ['./a/']] }], FALLBACK);
  expect(sources).toEqual([{ features: ['a'], pooling: [] }]);
});

it.each([
  [{ features: [['a', './a']] }, 'Expected each store once for --features but received ["a","./a"]'],
  [{ pooling: [['avg', 'avg']] }, 'Expected each column once for --pooling but received ["avg","avg"]'],
  [{ features: [[]] }, '--features'],
])('%j is refused', (block, message) => {
  expect(() => splitBySource([block], FALLBACK)).toThrow(message);
});

it('a source is named by its folders and the columns that its stores have', () => {
  const sources = [['avg'], ['avg', 'max']].map(
    (columns) => ({ columns }) as Parameters<typeof sourceName>[1][0],
  );
  expect(sourceName({ features: ['a', 'b'], pooling: [] }, sources)).toEqual({
    features: 'a+b',
    pooling: 'avg+max',
  });
});

it('heads ask for as many normalisations as their grids name, else for that of all', () => {
  const blocks = [{ normalize: ['none', 'l2'] }, { normalize: ['l2'] }, {}].map((block) => ({
    source: 0,
    block,
  }));
  expect(normalizationCount(blocks.slice(0, 2) as SourcedBlock[], {})).toBe(2);
  expect(normalizationCount(blocks as SourcedBlock[], { normalize: 'standardize' })).toBe(3);
  expect(normalizationCount(blocks.slice(2) as SourcedBlock[], {})).toBe(1);
});
