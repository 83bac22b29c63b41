/** Learning rates over time. */
import { describe, expect, it } from 'vitest';
import { resolveConfig } from '../../../src/shared/head/resolve.ts';
import { learningRate } from '../../../src/shared/training/schedule.ts';

const rateOf = (request: Parameters<typeof resolveConfig>[0]) =>
  learningRate(resolveConfig({ lr: 0.1, epochs: 12, ...request }, 'multiclass'), STEPS);
/** Steps in one of the twelve epochs. */
const STEPS = 10;

describe('learningRate', () => {
  it('stays where it is', () => {
    const rate = rateOf({ schedule: 'constant' });
    for (let epoch = 0; epoch < 20; epoch++) rate.epochEnded(false);
    expect([rate.rateAt(0), rate.rateAt(60), rate.rateAt(119)]).toEqual([0.1, 0.1, 0.1]);
  });

  it('falls along half a cosine', () => {
    const rate = rateOf({ schedule: 'cosine' });
    expect(rate.rateAt(0)).toBe(0.1);
    expect(rate.rateAt(40)).toBeCloseTo(0.075, 12);
    expect(rate.rateAt(60)).toBeCloseTo(0.05, 12);
    expect(rate.rateAt(120)).toBeCloseTo(0, 12);
  });

  it('falls to a tenth after half and after three quarters of the epochs', () => {
    const rate = rateOf({ schedule: 'step' });
    expect([0, 59, 60, 89, 90, 119].map((step) => rate.rateAt(step))).toEqual([
      0.1,
      0.1,
      0.1 * 0.1,
      0.1 * 0.1,
      0.1 * 0.01,
      0.1 * 0.01,
    ]);
  });

  it('grows in equal steps while warming up and starts its schedule afterwards', () => {
    const rate = rateOf({ schedule: 'cosine', warmup: 2 });
    expect(rate.rateAt(0)).toBeCloseTo(0.005, 12);
    expect(rate.rateAt(9)).toBeCloseTo(0.05, 12);
    expect(rate.rateAt(20)).toBe(0.1);
    expect(rate.rateAt(70)).toBeCloseTo(0.05, 12);
  });

  it('warms up for a part of an epoch, in whole steps', () => {
    const rate = rateOf({ schedule: 'constant', warmup: 0.28 });
    expect([0, 1, 2, 3].map((step) => rate.rateAt(step))).toEqual(
      [1 / 3, 2 / 3, 1, 1].map((share) => expect.closeTo(share * 0.1, 12)),
    );
  });

  it.each([
    ['half of the patience of early stopping', 6, 3],
    ['half of an odd patience, rounded down', 7, 3],
    ['at least one epoch', 1, 1],
    ['five epochs without early stopping', 0, 5],
  ])('is cut to a tenth on a plateau of %s', (_, earlyStopping, patience) => {
    const rate = rateOf({ schedule: 'plateau', earlyStopping });
    const rates: number[] = [];
    for (let epoch = 0; epoch < 2 * patience; epoch++) {
      rate.epochEnded(false);
      rates.push(rate.rateAt(0));
    }
    const level = (value: number, epochs: number) => Array.from({ length: epochs }, () => value);
    const expected = [...level(0.1, patience - 1), ...level(0.01, patience), 0.001];
    rates.forEach((value, epoch) => {
      expect(value).toBeCloseTo(expected[epoch], 10);
    });
  });

  it('waits anew after an epoch that was better', () => {
    const rate = rateOf({ schedule: 'plateau', earlyStopping: 6 });
    for (const improved of [false, false, true, false, false]) rate.epochEnded(improved);
    expect(rate.rateAt(0)).toBe(0.1);
    rate.epochEnded(false);
    expect(rate.rateAt(0)).toBeCloseTo(0.01, 12);
  });
});
