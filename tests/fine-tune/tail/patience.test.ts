import { describe, expect, it } from 'vitest';
import { epochsWaited } from '../../../src/fine-tune/tail/patience.ts';

/** After each epoch. */
const waited = (start: number, values: readonly number[], patience = 2): number[] =>
  values.map((_, epoch) => epochsWaited('accuracy', [start, ...values.slice(0, epoch + 1)], patience));

describe('epochs that count against the patience', () => {
  it('are those since the best one, where training begins with no drop', () => {
    expect(waited(0.5, [0.6, 0.7, 0.65, 0.7, 0.8, 0.7])).toEqual([0, 0, 1, 2, 0, 1]);
  });

  it('begin after the first drop, and are counted from its deepest point', () => {
    expect(waited(0.9, [0.8, 0.7, 0.75, 0.78, 0.85, 0.84])).toEqual([0, 0, 0, 0, 0, 1]);
  });

  it('begin again where the drop is longer than the patience', () => {
    expect(waited(0.9, [0.8, 0.7, 0.6, 0.5, 0.4])).toEqual([0, 0, 0, 1, 2]);
  });

  it('are fewer where a loss becomes smaller', () => {
    expect(epochsWaited('loss', [1, 1.2, 1.1, 1, 0.9], 3)).toBe(0);
    expect(epochsWaited('loss', [1, 0.9, 1, 1.1], 3)).toBe(2);
  });

  it('count an undefined value as worse than any number', () => {
    expect(epochsWaited('auc', [0.5, 0.6, null, undefined], 3)).toBe(2);
  });
});
