/** Which heads train side by side. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HeadRequest } from '../../../src/shared/head/options.ts';
import { resolveConfig } from '../../../src/shared/head/resolve.ts';
import { planStacks, stackLanes } from '../../../src/train/sweep/plan.ts';

function jobs(...requests: Partial<HeadRequest>[]) {
  return requests.map((request, index) => ({
    id: String(index + 1),
    config: resolveConfig(request, 'multiclass'),
  }));
}

/** The ids of each stack. */
function planned(requests: Partial<HeadRequest>[], workers = 1, classes = 7): string[][] {
  return planStacks(jobs(...requests), classes, workers).map((stack) => stack.map(({ id }) => id));
}

const rates = (count: number, request: Partial<HeadRequest> = {}) =>
  Array.from({ length: count }, (_, index) => ({ ...request, lr: 1e-2 / (1 + index) }));
const sizes = (stacks: string[][]) => stacks.map(({ length }) => length);

describe('planStacks', () => {
  it('stacks linear heads that see the same batches', () => {
    expect(planned([{ lr: 1e-2 }, { lr: 1e-3 }, { lr: 1e-4, l2: 1e-4, epochs: 20 }])).toEqual([
      ['1', '2', '3'],
    ]);
  });

  it('stacks at most 128 linear heads, with 900 classes together', () => {
    expect(sizes(planned(rates(256)))).toEqual([128, 128]);
    expect(sizes(planned(rates(20), 1, 100))).toEqual([7, 7, 6]);
    expect(sizes(planned(rates(2), 1, 1000))).toEqual([1, 1]);
  });

  it('gives each worker as many stacks of a kind as any other', () => {
    expect(sizes(planned(rates(300), 2))).toEqual([75, 75, 75, 75]);
    expect(sizes(planned(rates(40, { hidden: [64] }), 2))).toEqual([10, 10, 10, 10]);
    expect(sizes(planned(rates(3, { hidden: [1024] }), 2))).toEqual([1, 1, 1]);
  });

  it('starts with the stacks that have most epochs left, however many they have behind them', () => {
    const [long, short, paused] = jobs({ epochs: 9 }, { epochs: 5, seed: 1 }, { epochs: 90, seed: 2 });
    const ids = (heads: Parameters<typeof planStacks>[0]) =>
      planStacks(heads, 7, 1).map((stack) => stack.map(({ id }) => id));
    expect(ids([short, { ...paused, startAfter: 83 }, long])).toEqual([['1'], ['3'], ['2']]);
    expect(ids([short, { ...paused, pauseAfter: 4 }, long])).toEqual([['1'], ['2'], ['3']]);
  });

  it.each<Partial<HeadRequest>>([
    { seed: 1 },
    { batchSize: 64 },
    { normalize: 'l2' },
    { optimizer: 'sgd' },
    { labelSmoothing: 0.1 },
    { classWeight: 'balanced' },
    { output: 'sigmoid' },
    { dropout: 0.5 },
    { hidden: [8] },
  ])('keeps %j apart', (other) => {
    expect(planned([{}, other, { lr: 1e-2 }, { ...other, lr: 1e-2 }]).flat()).toHaveLength(4);
    for (const stack of planned([{}, other, { lr: 1e-2 }]))
      expect(stack).not.toEqual(expect.arrayContaining(['1', '2']));
  });

  it('stacks heads with the same hidden layers up to 1,024 units, the largest first', () => {
    expect(planned(rates(8, { hidden: [256] }))).toEqual([
      ['1', '3', '5', '7'],
      ['2', '4', '6', '8'],
    ]);
    expect(planned(rates(2, { hidden: [1024] }))).toEqual([['1'], ['2']]);
    // No product that they could share, and sums that depend on the place in a stack.
    expect(planned(rates(2, { hidden: [8], se: 4 }))).toEqual([['1'], ['2']]);
    expect(planned(rates(2, { hidden: [10] }))).toEqual([['1'], ['2']]);
    expect(planned(rates(2, { hidden: [8], activation: 'softmax' }))).toEqual([['1'], ['2']]);
    expect(planned([{ hidden: [8] }, ...rates(2, { hidden: [8], dropout: 0.5 }), { hidden: [64] }])).toEqual([
      ['4'],
      ['2', '3'],
      ['1'],
    ]);
  });

  it('splits the largest stack while workers would have nothing to do', () => {
    expect(planned(rates(3), 2)).toEqual([['1', '3'], ['2']]);
    expect(planned(rates(3), 4)).toEqual([['1'], ['3'], ['2']]);
    expect(planned([{}, { hidden: [8] }], 4)).toHaveLength(2);
    expect(sizes(planned([...rates(4), ...rates(4, { seed: 1 })], 4))).toEqual([2, 2, 2, 2]);
    expect(planned([], 2)).toEqual([]);
  });

  it('splits stacks that would leave a worker waiting, and no others', () => {
    const seeds = (count: number) => Array.from({ length: count }, (_, seed) => rates(16, { seed })).flat();
    expect(sizes(planned(seeds(3), 2))).toEqual([16, 16, 8, 8]);
    expect(sizes(planned(seeds(4), 2))).toEqual([16, 16, 16, 16]);
    expect(sizes(planned(seeds(12), 2))).toEqual(new Array(12).fill(16));
    expect(sizes(planned([...rates(2, { epochs: 40 }), ...rates(8, { seed: 1, epochs: 1 })], 2))).toEqual([
      1, 1, 8,
    ]);
  });

  it('names every head once, at most 18 of 50 classes in a stack, and depends on the heads alone', () => {
    const request = fc.record({
      hidden: fc.constantFrom<number[]>([], [8]),
      dropout: fc.constantFrom<number>(0, 0.5),
      seed: fc.constantFrom<number>(0, 1),
      lr: fc.constantFrom<number>(1e-2, 1e-3),
    });
    fc.assert(
      fc.property(fc.array(request, { minLength: 1, maxLength: 120 }), (requests) => {
        const stacks = planned(requests, 1, 50);
        expect(stacks.flat().sort()).toEqual(requests.map((_, index) => String(index + 1)).sort());
        for (const stack of stacks) expect(stack.length).toBeLessThanOrEqual(18);
        expect(planned(requests, 1, 50)).toEqual(stacks);
      }),
      { numRuns: 30 },
    );
  });
});

describe('stackLanes', () => {
  it.each<[string, Partial<HeadRequest>, number, number]>([
    ['one head', {}, 5, 1],
    ['one head with one class', {}, 1, 2],
    ['one head with one hidden unit', { hidden: [1] }, 5, 2],
    ['one head with hidden units and one class', { hidden: [8] }, 1, 1],
  ])('has no product with a single row: %s', (_, request, classes, lanes) => {
    const [{ config }] = jobs(request);
    expect(stackLanes(config, 1, classes)).toBe(lanes);
    expect(stackLanes(config, 20, classes)).toBe(20);
  });
});
