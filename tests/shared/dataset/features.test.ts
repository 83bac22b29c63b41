/** Feature stores read into one matrix. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readFeatures } from '../../../src/shared/dataset/features.ts';
import { type FeatureRows, isInMemory } from '../../../src/shared/dataset/rows.ts';
import { type FeatureTable, reorderRows } from '../../../src/shared/dataset/table.ts';
import { silent } from '../../../src/shared/reporter.ts';
import { MATHS_VERSION } from '../../../src/shared/store/pipeline.ts';
import { hashesOf } from '../../support/content-hashes.ts';
import { storeOf } from '../../support/store-rows.ts';
import { clusters, syntheticStore } from '../../support/synthetic-store.ts';

function table(rows: number, inputs: number): FeatureTable {
  const numbers = Array.from({ length: rows }, (_, row) => row);
  return {
    rows,
    paths: numbers.map((row) => `${row}.jpg`),
    hashes: hashesOf(numbers.map(String)),
    labels: numbers.map((row) => [`label ${row}`]),
    splits: numbers.map(() => null),
    views: Int16Array.from(numbers),
    augment: null,
    groups: numbers.map(() => null),
    phashes: numbers.map(() => null),
    weights: numbers,
    sets: [
      {
        request: { features: [], pooling: [] },
        sources: [],
        inputs,
        matrix: Float32Array.from({ length: rows * inputs }, (_, i) => i),
      },
    ],
    matrixBytes: rows * inputs * Float32Array.BYTES_PER_ELEMENT,
    stores: [],
  };
}

function inMemory(matrix: FeatureRows): Float32Array {
  if (!isInMemory(matrix)) throw new Error('The features are in a file');
  return matrix;
}

/** The rows of a source's matrix. */
function rowsOf({ sets, rows }: FeatureTable, source = 0): number[][] {
  const { inputs } = sets[source];
  const matrix = inMemory(sets[source].matrix);
  return Array.from({ length: rows }, (_, row) => [...matrix.subarray(row * inputs, (row + 1) * inputs)]);
}

describe('readFeatures', () => {
  it('reads rows over all parts in the order they are stored', async () => {
    const store = await storeOf(10, 4);
    const read = await readFeatures([{ features: [store], pooling: [] }], silent);
    expect(read).toMatchObject({
      rows: 10,
      sets: [{ inputs: 3, sources: [{ columns: ['avg'], dimension: 3 }] }],
    });
    expect(read.paths).toEqual(Array.from({ length: 10 }, (_, i) => `class/${i}.jpg`));
    expect(rowsOf(read)).toEqual(Array.from({ length: 10 }, (_, i) => [i, i + 0.25, -i]));
    expect(read.splits.slice(0, 4)).toEqual([null, 'train', 'val', 'test']);
    expect(inMemory(read.sets[0].matrix).buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  it('puts columns side by side in the order they are named', async () => {
    const store = await storeOf(3);
    const read = await readFeatures([{ features: [store], pooling: ['max', 'avg'] }], silent);
    expect(rowsOf(read)[2]).toEqual([4, 0.5, 2, 2.25, -2]);
    expect(read.sets[0].sources).toMatchObject([{ columns: ['max', 'avg'], dimension: 5 }]);
    await expect(readFeatures([{ features: [store], pooling: ['avgg'] }], silent)).rejects.toThrow(
      `Expected one of avg, max, last, depths for --pooling (the columns of ${store}, and words for them) but received "avgg" (did you mean avg?)`,
    );
  });

  it('joins stores by image, whatever their order, and leaves out what one of them lacks', async () => {
    const images = clusters(['a', 'b'], 6, { inputs: 2 });
    const others = clusters(['a', 'b'], 6, { inputs: 3, seed: 1 });
    const [first, second] = [await syntheticStore(images), await syntheticStore(others.slice(2).reverse())];
    const warnings: string[] = [];
    const warn = (message: string) => void warnings.push(message);
    const read = await readFeatures([{ features: [first, second], pooling: [] }], { ...silent, warn });
    expect(read).toMatchObject({ rows: 10, sets: [{ inputs: 5 }] });
    expect(rowsOf(read)).toEqual(
      images.slice(2).map(({ features }, i) => [...features, ...others[i + 2].features].map(Math.fround)),
    );
    expect(read.paths).toEqual(images.slice(2).map(({ name }) => `${name}.jpg`));
    expect(warnings).toEqual([`2 of 12 images are not in ${second} and are left out`]);
  });

  it('warns of a store whose features this version computes otherwise', async () => {
    const images = clusters(['a', 'b'], 3);
    const [old, current] = [
      await syntheticStore(images, { maths: MATHS_VERSION - 1 }),
      await syntheticStore(images),
    ];
    const warnings: string[] = [];
    const reporter = { ...silent, warn: (message: string) => void warnings.push(message) };
    await readFeatures([{ features: [old, current], pooling: [] }], reporter);
    expect(warnings).toEqual([
      `${old} was made by an earlier version of permafrost: predict will refuse heads that are trained on it; run extract again first`,
    ]);
  });

  it('gives every source the same rows, of one store or of several', async () => {
    const images = clusters(['a', 'b'], 6, { inputs: 2 });
    const [first, second] = [await syntheticStore(images), await syntheticStore(images.slice(3).reverse())];
    const stored = await storeOf(1);
    const both = [
      { features: [second], pooling: [] },
      { features: [first], pooling: ['avg'] },
      { features: [first, second], pooling: [] },
    ];
    const read = await readFeatures(both, silent);
    const features = images.slice(3).map((image) => image.features.map(Math.fround));
    expect(rowsOf(read)).toEqual(features.toReversed());
    expect(rowsOf(read, 1)).toEqual(rowsOf(read));
    expect(rowsOf(read, 2)).toEqual(features.toReversed().map((row) => [...row, ...row]));
    await expect(readFeatures([...both, { features: [stored], pooling: ['avg'] }], silent)).rejects.toThrow(
      `Expected the same images in all feature stores but ${stored} has none of ${second}`,
    );
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('refuses a feature that is %s', async (value) => {
    const images = clusters(['a', 'b'], 3);
    images[4].features[5] = value;
    const store = await syntheticStore(images);
    await expect(readFeatures([{ features: [store], pooling: [] }], silent)).rejects.toThrow(
      'Expected finite features but avg of image-4.jpg in part-00000.arrow has NaN or infinity',
    );
  });
});

describe('reorderRows', () => {
  it('puts any choice of rows into any order', () => {
    const choices = fc
      .integer({ min: 1, max: 40 })
      .chain((rows) => fc.tuple(fc.constant(rows), fc.shuffledSubarray([...Array(rows).keys()])));
    fc.assert(
      fc.property(choices, fc.integer({ min: 1, max: 5 }), ([rows, order], inputs) => {
        const before = table(rows, inputs);
        const expected = order.map((row) => rowsOf(before)[row]);
        const changed = reorderRows(table(rows, inputs), Int32Array.from(order));
        expect(rowsOf(changed)).toEqual(expected);
        expect(changed.paths).toEqual(order.map((row) => `${row}.jpg`));
        expect([...changed.views]).toEqual(order);
        expect(changed.labels).toEqual(order.map((row) => [`label ${row}`]));
        expect(changed.hashes).toEqual(hashesOf(order.map(String)));
        expect(changed.weights).toEqual(order);
      }),
    );
  });
});
