import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { contentIndex } from '../../../src/shared/store/content-index.ts';
import type { StoredPart } from '../../../src/shared/store/stored-parts.ts';

const shaOf = (number: number) => createHash('sha256').update(String(number)).digest('hex');

/** A part of the images `from` to `to`, each with a view. */
function part(file: string, from: number, to: number): StoredPart {
  const records = Array.from({ length: to - from }, (_, i) => i + from).flatMap((number) =>
    [0, 1].map((view) => ({
      path: `${number}.jpg`,
      sha256: shaOf(number),
      labels: [],
      split: null,
      view,
      group: null,
    })),
  );
  return { entry: { file, rows: records.length, bytes: 1, sha256: '' }, records };
}

describe('an index of contents', () => {
  it('finds each of thousands of images and views where it was put, and no other', () => {
    const index = contentIndex();
    for (let at = 0; at < 5000; at += 500) index.add(part(`part-${at}`, at, at + 500));
    for (let number = 0; number < 5000; number++) {
      for (const view of [0, 1]) {
        const file = `part-${Math.floor(number / 500) * 500}`;
        const place = { part: file, row: 2 * (number % 500) + view };
        expect(index.place({ sha256: shaOf(number), view })).toEqual(place);
      }
      expect(index.has({ sha256: shaOf(number), view: 2 })).toBe(false);
      expect(index.has({ sha256: shaOf(number + 5000), view: 0 })).toBe(false);
    }
  });

  it('tells the last place of what is there twice', () => {
    const index = contentIndex();
    index.add(part('first', 0, 10));
    index.add(part('second', 5, 8));
    expect(index.place({ sha256: shaOf(5), view: 0 })).toEqual({ part: 'second', row: 0 });
    expect(index.place({ sha256: shaOf(4), view: 0 })).toEqual({ part: 'first', row: 8 });
    expect(index.place({ sha256: shaOf(10), view: 0 })).toBeUndefined();
  });

  it('tells contents apart whose hashes begin alike', () => {
    const { entry, records } = part('alike', 0, 4);
    const shaAt = (row: number) => `${'0'.repeat(63)}${row}`;
    const alike = records.map((record, row) => ({ ...record, sha256: shaAt(row), view: 0 }));
    const index = contentIndex();
    index.add({ entry, records: alike });
    for (let row = 0; row < 8; row++)
      expect(index.place({ sha256: shaAt(row), view: 0 })).toEqual({ part: 'alike', row });
    expect(index.has({ sha256: shaAt(8), view: 0 })).toBe(false);
  });
});
