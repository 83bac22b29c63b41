/** Features that are copied to disk, in the order in which they are read. */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readFeatures } from '../../../src/shared/dataset/features.ts';
import { defaultMemory, shuffledTraining, writeMatrices } from '../../../src/shared/dataset/matrix-files.ts';
import { isInMemory } from '../../../src/shared/dataset/rows.ts';
import { reorderRows } from '../../../src/shared/dataset/table.ts';
import { silent } from '../../../src/shared/reporter.ts';
import { newFolder } from '../../support/folders.ts';
import { clusters, syntheticStore } from '../../support/synthetic-store.ts';

const IMAGES = clusters(['a', 'b'], 3, { inputs: 2 });
const OTHERS = clusters(['a', 'b'], 3, { inputs: 3, seed: 1 });
const ORDER = Int32Array.of(4, 0, 5, 2);

/** Two sources, of one store and of both, too large for memory; rows in an order of their own. */
async function tableOnDisk() {
  const [first, second] = [await syntheticStore(IMAGES), await syntheticStore(OTHERS.toReversed())];
  const requests = [
    { features: [first], pooling: [] },
    { features: [first, second], pooling: [] },
  ];
  const table = await readFeatures(requests, silent, { maxBytes: 0 });
  return { table: reorderRows(table, ORDER), stores: [first, second] };
}

const floatsIn = (path: string) => [...new Float32Array(new Uint8Array(readFileSync(path)).buffer)];
const expected = (images: (typeof IMAGES)[]) =>
  [...ORDER].flatMap((row) => images.flatMap((own) => own[row].features.map(Math.fround)));

describe('matrices on disk', () => {
  it("hold each set's rows in the table's order, the columns of all its stores side by side", async () => {
    const { table } = await tableOnDisk();
    using files = await writeMatrices(table, { folder: newFolder(), maxBytes: 1e6 });
    const paths = files.sets.map(({ matrix }) => (isInMemory(matrix) ? '' : matrix.path));
    expect(paths.map(floatsIn)).toEqual([expected([IMAGES]), expected([IMAGES, OTHERS])]);
    expect(new Set(paths).size).toBe(2);
    expect(files.sets.map(({ inputs }) => inputs)).toEqual([2, 5]);
  });

  it('are read in blocks that fit together into the memory, of one row at least', async () => {
    const { table } = await tableOnDisk();
    const cores = availableParallelism();
    const rowsIn = async (maxBytes: number) => {
      using files = await writeMatrices(table, { folder: undefined, maxBytes });
      const rows = files.sets.map(({ matrix }) => (isInMemory(matrix) ? 0 : matrix.maxRows));
      expect(files.blockRows).toBe(Math.max(...rows));
      return rows;
    };
    // Rows of 8 and of 20 bytes.
    expect(await rowsIn(cores * 60)).toEqual([7, 3]);
    expect(await rowsIn(cores * 59)).toEqual([7, 2]);
    expect(await rowsIn(1)).toEqual([1, 1]);
  });

  it('are gone afterwards, and what else is in their folder is not', async () => {
    const { table } = await tableOnDisk();
    const folder = newFolder();
    const mine = await writeMatrices(table, { folder, maxBytes: 1e6 });
    expect(readdirSync(folder)).toHaveLength(2);
    mine[Symbol.dispose]();
    expect(readdirSync(folder)).toEqual([]);
    const { sets, ...own } = await writeMatrices(table, { folder: undefined, maxBytes: 1e6 });
    const path = sets.map(({ matrix }) => (isInMemory(matrix) ? '' : matrix.path))[0];
    own[Symbol.dispose]();
    expect(existsSync(join(path, '..'))).toBe(false);
  });

  it('are gone when a store turns out to be damaged', async () => {
    const { table, stores } = await tableOnDisk();
    rmSync(join(stores[1], 'part-00000.arrow'));
    const folder = newFolder();
    await expect(writeMatrices(table, { folder, maxBytes: 1e6 })).rejects.toThrow('part-00000.arrow');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('are refused where the disk does not take them, by name', async () => {
    const { table } = await tableOnDisk();
    const folder = join(newFolder(), 'gone');
    await expect(writeMatrices(table, { folder, maxBytes: 1e6 })).rejects.toThrow(
      `Cannot write ${join(folder, 'features-0.f32')}: `,
    );
  });
});

it('training rows on disk are in random order, all others as they were', () => {
  const order = Int32Array.from({ length: 50 }, (_, index) => 100 + index);
  const shuffled = shuffledTraining(order, 30, 1);
  expect([...shuffled.subarray(0, 30)].sort()).toEqual([...order.subarray(0, 30)]);
  expect(shuffled.subarray(0, 30)).not.toEqual(order.subarray(0, 30));
  expect(shuffled.subarray(30)).toEqual(order.subarray(30));
  expect(shuffledTraining(order, 30, 1)).toEqual(shuffled);
  expect(shuffledTraining(order, 30, 2)).not.toEqual(shuffled);
  expect(order[0]).toBe(100);
});

it('features take most of the memory, but not all', () => {
  expect(Number.isInteger(defaultMemory())).toBe(true);
  const constrained = process.constrainedMemory();
  const whole = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  expect(defaultMemory() / whole).toBeCloseTo(0.6, 6);
});
