import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Divisible, divide } from '../../../src/shared/dataset/divide.ts';
import { hashesOf } from '../../support/content-hashes.ts';

const CLASSES = ['a', 'b'];

interface Image {
  content: number;
  label: number;
  group: string | null;
  split?: 'train' | 'val' | 'test';
}

/** A table of images with `views` views each, in the order of a store or in one that `shuffle` makes of it. */
function tableOf(images: readonly Image[], views: number, shuffle = (rows: number[]) => rows) {
  const all = images.flatMap((_, image) => Array.from({ length: views + 1 }, (_, view) => ({ image, view })));
  const rows = shuffle(Array.from(all.keys())).map((index) => all[index]);
  const of = <T>(value: (image: Image, index: number) => T) =>
    rows.map(({ image }) => value(images[image], image));
  const table: Divisible = {
    paths: of((_, index) => `${index}.jpg`),
    hashes: hashesOf(of(({ content }) => String(content))),
    groups: of(({ group }) => group),
    phashes: of(() => null),
    splits: of(({ split }) => split ?? null),
    views: Int16Array.from(rows, ({ view }) => view),
  };
  const targets = Uint8Array.from(of(({ label }) => [Number(label === 0), Number(label === 1)]).flat());
  return { table, targets };
}

const request = { classes: CLASSES, task: 'multiclass' as const, seed: 1, ratios: [50, 25, 25] as const };

describe('dividing images that have views', () => {
  const image = fc.record({
    content: fc.integer({ min: 0, max: 60 }),
    label: fc.constant(0),
    group: fc.option(fc.constantFrom('p', 'q', 'r')),
  });
  // Enough images that are nobody's copy for every split to have some.
  const base = Array.from({ length: 24 }, (_, i): Image => ({ content: 100 + i, label: i % 2, group: null }));

  it('never puts a view into another split or fold than its image, or beside training', () => {
    const cases = fc.record({
      extra: fc.array(image, { maxLength: 12 }),
      views: fc.integer({ min: 0, max: 3 }),
      folds: fc.constantFrom(0, 3),
      seed: fc.integer({ min: 0, max: 50 }),
    });
    fc.assert(
      fc.property(cases, fc.infiniteStream(fc.integer({ min: 0, max: 1 << 30 })), (options, numbers) => {
        const { extra, views, folds, seed } = options;
        const shuffle = (rows: number[]) => {
          const keys = new Map(rows.map((row) => [row, numbers.next().value as number]));
          return rows.sort((a, b) => keys.get(a)! - keys.get(b)!);
        };
        const { table, targets } = tableOf([...base, ...extra], views, shuffle);

        const divided = divide(table, { ...request, targets, folds, seed });
        const partOf = new Map<string, string | null>();
        const foldOf = new Map<string, number>();
        for (const [index, row] of divided.order.entries()) {
          if (table.views[row] > 0) continue;
          partOf.set(table.paths[row], divided.splits[index]);
          if (index < divided.rows.train) foldOf.set(table.paths[row], divided.foldOf[index]);
        }
        let trained = 0;
        for (const [index, row] of divided.order.entries()) {
          if (table.views[row] === 0) continue;
          trained++;
          expect(divided.splits[index]).toBe('train');
          expect(partOf.get(table.paths[row])).toBe('train');
          expect(divided.foldOf[index]).toBe(foldOf.get(table.paths[row]));
        }
        expect(trained).toBe(views * divided.images.train);
        expect(divided.views).toBe(trained);
        expect(partOf.size).toBe(base.length + extra.length);
      }),
      { numRuns: 60 },
    );
  });

  it('divides the images as if there were no views', () => {
    const named = (views: number) => {
      const { table, targets } = tableOf(base, views);
      const { order, splits, images } = divide(table, { ...request, targets, folds: 0 });
      const rows = [...order.entries()].filter(([, row]) => table.views[row] === 0);
      return { images, splits: rows.map(([index, row]) => `${table.paths[row]} ${splits[index]}`) };
    };
    expect(named(3)).toEqual(named(0));
  });

  it("keeps the data's own split", () => {
    const split = (i: number) => (['train', 'train', 'val', 'test'] as const)[i % 4];
    const { table, targets } = tableOf(
      base.map((one, i) => ({ ...one, label: (i >> 2) % 2, split: split(i) })),
      2,
    );
    const { rows, images } = divide(table, { ...request, targets, folds: 0 });
    expect(images).toEqual({ train: 12, val: 6, test: 6 });
    expect(rows).toEqual({ train: 36, val: 6, test: 6 });
  });

  it('trains on no copy of a validation image, nor on its views', () => {
    const cycle = ['train', 'train', 'val', 'test'] as const;
    const images = base.map((one, i): Image => ({ ...one, label: (i >> 2) % 2, split: cycle[i % 4] }));
    // Image 4, which is to train, is a copy of image 6, which validates.
    const { table, targets } = tableOf(images.with(4, { ...images[4], content: images[6].content }), 2);
    const { order, splits: placed, rows } = divide(table, { ...request, targets, folds: 0 });
    const of = (path: string) =>
      [...order.entries()].filter(([, row]) => table.paths[row] === path).map(([index]) => placed[index]);
    expect(of('4.jpg')).toEqual([null]);
    expect(of('6.jpg')).toEqual(['val']);
    expect(rows).toEqual({ train: 33, val: 6, test: 6 });
  });
});
