/** Which heads the options of a sweep stand for. */
import { describe, expect, it } from 'vitest';
import type { Grid } from '../../../src/train/options/grid.ts';
import { refuseHuge, requestedHeads } from '../../../src/train/search/requested-heads.ts';
import { linearConfigurations } from '../../support/synthetic-search.ts';

/** Blocks of a grid of the first source. */
const ofFirst = (grid: Grid) => grid.map((block) => ({ source: 0, block }));
const GRID: Grid = [{ lr: [0.1, 0.2] }];

describe('the heads of a sweep', () => {
  it('are one without a grid', () => {
    const [only, ...others] = requestedHeads({ head: { lr: 0.5 } }, [], 'multilabel');
    expect(others).toEqual([]);
    expect(only).toMatchObject({ source: 0, config: { lr: 0.5, seed: 0, output: 'sigmoid' } });
  });

  it('are all of a grid, with the options beside it', () => {
    const heads = requestedHeads({ grid: GRID, head: { epochs: 7 } }, ofFirst(GRID), 'multiclass');
    expect(heads.map(({ config }) => [config.lr, config.epochs])).toEqual([
      [0.1, 7],
      [0.2, 7],
    ]);
  });

  it('are those of one source after those of another, equal ones of a source once', () => {
    const blocks = [0, 1, 0, 0].map((source, at) => ({ source, block: { lr: [(at % 3) + 1] } }));
    const heads = requestedHeads({ grid: GRID, head: {} }, blocks, 'multiclass');
    expect(heads.map(({ source, config }) => [source, config.lr])).toEqual([
      [0, 1],
      [0, 3],
      [1, 2],
    ]);
  });

  it('have the number of seeds that is asked for, from their own on', () => {
    const heads = requestedHeads({ grid: GRID, head: { seed: 4 }, seeds: 2 }, ofFirst(GRID), 'multiclass');
    expect(heads.map(({ config }) => [config.lr, config.seed])).toEqual([
      [0.1, 4],
      [0.1, 5],
      [0.2, 4],
      [0.2, 5],
    ]);
  });

  it('are drawn at random from the grid, or from a default space, by the seed of the head', () => {
    const drawn = (grid: Grid | undefined, seed?: number, seeds?: number) =>
      requestedHeads(
        { grid, head: seed === undefined ? {} : { seed }, random: 5, seeds },
        grid ? ofFirst(grid) : [],
        'multiclass',
      );
    expect(
      drawn(GRID)
        .map(({ config }) => config.lr)
        .sort(),
    ).toEqual([0.1, 0.2]);
    expect(drawn(undefined)).toHaveLength(5);
    expect(drawn(undefined, 0)).toEqual(drawn(undefined));
    expect(drawn(undefined, 1)[0].config.lr).not.toBe(drawn(undefined)[0].config.lr);
    expect(drawn(undefined, 0, 3)).toHaveLength(15);
  });

  it('are at most 100,000, seeds counted', () => {
    const lr = Array.from({ length: 1000 }, (_, at) => at + 1);
    const request = { grid: [{ lr }], head: {} };
    expect(requestedHeads({ ...request, seeds: 100 }, ofFirst([{ lr }]), 'multiclass')).toHaveLength(100_000);
    expect(() => requestedHeads({ ...request, seeds: 101 }, ofFirst([{ lr }]), 'multiclass')).toThrow(
      'Expected at most 100000 heads for --seeds 101 but received 101000',
    );
  });
});

describe('a head', () => {
  // With one class: 2^26 * 2 weights and a bias in the layer, and a bias of the output.
  const configurations = linearConfigurations([{}, { hidden: [2], bias: false }], { sources: [0, 1] });

  it('of as many weights as memory holds is trained', () => {
    expect(() => refuseHuge(configurations, [{ inputs: 1 }, { inputs: 2 ** 26 - 2 }], 1)).not.toThrow();
  });

  it('of more is refused, on the source that it is trained on', () => {
    const sets = [{ inputs: 1 }, { inputs: 2 ** 26 - 1 }];
    expect(() => refuseHuge(configurations, sets, 1)).toThrow(
      'Expected a head of at most 134217728 weights for --hidden 2 but received 134217729',
    );
    expect(() => refuseHuge(configurations, sets.toReversed(), 1)).not.toThrow();
  });
});
