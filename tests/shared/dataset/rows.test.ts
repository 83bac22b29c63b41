/** Feature rows in memory and in a file. */
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { blockRows, eachBlock, type MatrixFile, readRows } from '../../../src/shared/dataset/rows.ts';
import { epochOrder } from '../../../src/shared/training/batches.ts';
import { newFolder } from '../../support/folders.ts';

const INPUTS = 3;
const matrix = Float32Array.from({ length: 10 * INPUTS }, (_, i) => i);

function inFile(changes: Partial<MatrixFile> = {}): MatrixFile {
  const path = join(newFolder(), 'features.f32');
  writeFileSync(path, matrix);
  return { path, maxRows: 4, normalize: 'none', ...changes };
}

describe.each([
  ['in memory', () => matrix],
  ['in a file', inFile],
] as const)('rows %s', (_, made) => {
  it('are read as they are, any stretch of them', () => {
    const features = made();
    for (const [first, end] of [
      [0, 10],
      [3, 5],
      [3, 5],
      [9, 10],
    ]) {
      const block = readRows(features, INPUTS, first, end);
      expect(block.first).toBe(first);
      expect([...block.values]).toEqual([...matrix.subarray(first * INPUTS, end * INPUTS)]);
    }
  });

  it('come block by block', () => {
    const features = made();
    const size = blockRows(features, 10, 2);
    const blocks = [...eachBlock(features, INPUTS, { first: 3, end: 10, size })].map(({ first, values }) => [
      first,
      values.length / INPUTS,
    ]);
    expect(blocks).toEqual(
      features === matrix
        ? [[3, 7]]
        : [
            [3, 1],
            [4, 4],
            [8, 2],
          ],
    );
  });
});

describe('rows in a file', () => {
  it('have every byte of their numbers', () => {
    const features = inFile();
    const fractions = matrix.map((value) => (value + 1) / 7);
    writeFileSync(features.path, fractions);
    expect(readRows(features, INPUTS, 0, 10).values).toEqual(fractions);
  });

  it('are normalised as they are read', () => {
    const statistics = { mean: Float32Array.of(3, 4, 5), deviation: Float32Array.of(1, 2, 4) };
    const features = inFile({ normalize: 'standardize', statistics });
    expect([...readRows(features, INPUTS, 2, 3).values]).toEqual([3, 1.5, 0.75]);
    expect([...readRows({ ...features, normalize: 'none' }, INPUTS, 2, 3).values]).toEqual([6, 7, 8]);
  });

  it('have whole batches in a block, at least one', () => {
    expect([1, 2, 3, 4, 5].map((batchSize) => blockRows(inFile(), 10, batchSize))).toEqual([4, 4, 3, 4, 5]);
  });

  it('are missed when the file is cut', () => {
    const features = inFile();
    truncateSync(features.path, 100);
    expect(() => readRows(features, INPUTS, 5, 10)).toThrow(`Expected more features in ${features.path}`);
  });
});

describe('epochOrder in blocks', () => {
  it('has every row once, blocks together, the last and shorter one last', () => {
    const order = epochOrder(23, 1, 1, 5);
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 23 }, (_, row) => row));
    const blocks = Array.from(order, (row) => Math.floor(row / 5));
    const seen = blocks.filter((block, index) => block !== blocks[index - 1]);
    expect(new Set(seen).size).toBe(5);
    expect(seen).toHaveLength(5);
    expect(seen.at(-1)).toBe(4);
    const firsts = Array.from({ length: 12 }, (_, epoch) => Math.floor(epochOrder(23, 1, epoch, 5)[0] / 5));
    expect(new Set(firsts).size).toBeGreaterThan(2);
  });

  it('is that of rows in memory where one block holds all', () => {
    expect(epochOrder(23, 1, 1, 30)).toEqual(epochOrder(23, 1, 1));
  });
});
