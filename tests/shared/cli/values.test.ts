/** Kinds of values that flags have. */
import { describe, expect, it } from 'vitest';
import { byteSize, shownBytes } from '../../../src/shared/values.ts';

describe('an amount of memory', () => {
  it.each([
    ['1500000', 1_500_000],
    ['800MB', 800 * 2 ** 20],
    ['1.5GB', 1.5 * 2 ** 30],
    ['4g', 4 * 2 ** 30],
    ['2 KiB', 2048],
    ['12b', 12],
  ])('is read from %s', (text, bytes) => {
    expect(byteSize.parse(text, '--max-memory')).toBe(bytes);
    expect(byteSize.parse(byteSize.format(bytes), '--max-memory')).toBe(bytes);
  });

  it.each(['', 'much', '0', '0.2', '-1GB', '1 PB', '1e9', '9999999999TB'])(
    'is not read from "%s"',
    (text) => {
      expect(() => byteSize.parse(text, '--max-memory')).toThrow(
        `Expected a size like 800MB or 4GB for --max-memory but received "${text}"`,
      );
    },
  );

  it('is shown with three digits', () => {
    expect([0, 999, 1024, 1.54 * 2 ** 30, 2 ** 42].map(shownBytes)).toEqual([
      '0 B',
      '999 B',
      '1 KB',
      '1.54 GB',
      '4 TB',
    ]);
  });
});
