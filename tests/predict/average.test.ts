import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createAverager } from '../../src/predict/average.ts';

it('averages the views of each image, however they come in pieces', () => {
  const cases = fc.record({
    views: fc.integer({ min: 1, max: 4 }),
    images: fc.integer({ min: 0, max: 5 }),
    cuts: fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 4 }),
  });
  fc.assert(
    fc.property(cases, ({ views, images, cuts }) => {
      const rows = Float32Array.from({ length: images * views * 2 }, (_, i) => (i * 7) % 5);
      const average = createAverager(views, 2);
      const ends = [...cuts.map((cut) => Math.min(cut, images * views)), images * views].sort(
        (a, b) => a - b,
      );
      const means = ends.flatMap((end, i) => [...average(rows.subarray((ends[i - 1] ?? 0) * 2, end * 2))]);
      const wanted = Array.from({ length: images * 2 }, (_, index) => {
        const [image, column] = [Math.floor(index / 2), index % 2];
        let sum = 0;
        for (let view = 0; view < views; view++) sum += rows[(image * views + view) * 2 + column];
        return Math.fround(sum / views);
      });
      expect(means).toEqual(wanted);
    }),
  );
});
