/** Which heads train side by side. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HeadRequest } from '../../../src/train/options.ts';
import { resolveConfig } from '../../../src/train/resolve.ts';
import { planStacks, stackLanes } from '../../../src/train/sweep/plan.ts';

function jobs(...requests: Partial<HeadRequest>[]) {
  return requests.map((request, at) => ({
    id: String(at + 1),
    config: resolveConfig(request, 'multiclass'),
  }));
}

/** The ids of each stack. */
function planned(requests: Partial<HeadRequest>[]): string[][] {
  return planStacks(jobs(...requests)).map((stack) => stack.map(({ id }) => id));
}

describe('planStacks', () => {
  it('stacks linear heads that see the same batches', () => {
    const rates = [{ lr: 1e-2 }, { lr: 1e-3 }, { lr: 1e-4, l2: 1e-4, epochs: 20 }];
    expect(planned(rates)).toEqual([['1', '2', '3']]);
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

  it('trains heads with hidden layers or dropout one by one, the largest first', () => {
    expect(
      planned([{ hidden: [8] }, { hidden: [64] }, { dropout: 0.5 }, { hidden: [8], epochs: 200 }]),
    ).toEqual([['2'], ['4'], ['1'], ['3']]);
  });

  it('names every head once, at most 32 in a stack, and depends on the heads alone', () => {
    const request = fc.record({
      hidden: fc.constantFrom<number[]>([], [8]),
      dropout: fc.constantFrom<number>(0, 0.5),
      seed: fc.constantFrom<number>(0, 1),
      lr: fc.constantFrom<number>(1e-2, 1e-3),
    });
    fc.assert(
      fc.property(fc.array(request, { minLength: 1, maxLength: 120 }), (requests) => {
        const stacks = planned(requests);
        expect(stacks.flat().sort()).toEqual(requests.map((_, at) => String(at + 1)).sort());
        for (const stack of stacks) expect(stack.length).toBeLessThanOrEqual(32);
        expect(planned(requests)).toEqual(stacks);
      }),
      { numRuns: 30 },
    );
  });
});

describe('stackLanes', () => {
  const [linear, hidden] = jobs({}, { hidden: [8] }).map(({ config }) => config);

  it('fills a narrow product up to 65 columns', () => {
    expect(stackLanes(linear, 1, 5)).toBe(13);
    expect(stackLanes(linear, 20, 5)).toBe(20);
    expect(stackLanes(linear, 1, 100)).toBe(1);
  });

  it('gives a head with hidden layers a product of its own', () => {
    expect(stackLanes(hidden, 1, 5)).toBe(1);
  });
});
