/** From labels to task, classes and targets. */
import { describe, expect, it } from 'vitest';
import { encodeLabels, selectTargets } from '../../../src/shared/dataset/labels.ts';

describe('encodeLabels', () => {
  it('finds a multiclass task and sorts classes by code unit', () => {
    expect(encodeLabels([['b'], ['B'], ['b'], ['ä']], 'auto')).toEqual({
      task: 'multiclass',
      classes: ['B', 'b', 'ä'],
      targets: Uint8Array.of(0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1),
    });
  });

  it.each([
    ['several labels', [['a'], ['a', 'b']]],
    ['none', [['a'], ['b'], []]],
  ])('finds a multi-label task where a row has %s', (_, labels) => {
    expect(encodeLabels(labels, 'auto').task).toBe('multilabel');
  });

  it('counts a label repeated within a row once', () => {
    expect(encodeLabels([['a', 'a'], ['b']], 'auto').task).toBe('multiclass');
  });

  it('keeps a multi-label task that was asked for', () => {
    expect(encodeLabels([['a'], ['b']], 'multilabel').task).toBe('multilabel');
  });

  it('takes one class for a yes-or-no question', () => {
    expect(encodeLabels([['rust'], []], 'auto').targets).toEqual(Uint8Array.of(1, 0));
  });

  it('refuses a single class that every row has, and no class at all', () => {
    expect(() => encodeLabels([['rust'], ['rust']], 'auto')).toThrow(
      'Expected at least two classes for the labels but received "rust"',
    );
    expect(() => encodeLabels([[], []], 'auto')).toThrow('but received nothing');
  });

  it('refuses multiclass rows without exactly one label and names the row', () => {
    const labels = [['a'], ['a', 'b'], []];
    expect(() => encodeLabels(labels, 'multiclass', ['x.jpg', 'y.jpg', 'z.jpg'])).toThrow(
      'Expected exactly one label for y.jpg (a multiclass task) but received ["a","b"]',
    );
    expect(() => encodeLabels([['a'], []], 'multiclass')).toThrow(
      'row 2 (a multiclass task) but received []',
    );
  });
});

describe('selectTargets', () => {
  it('copies the rows asked for, in order', () => {
    expect(selectTargets(Uint8Array.of(1, 0, 0, 1, 1, 1), 2, [2, 0])).toEqual(Uint8Array.of(1, 1, 1, 0));
  });
});
