import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { activationsInMemory } from '../../../../src/shared/store/activations/memory.ts';
import { openActivations } from '../../../../src/shared/store/activations/reader.ts';

const hash = (name: string): string => createHash('sha256').update(name).digest('hex');

describe('activations in memory', () => {
  const contents = ['a', 'a', 'b'].map((name, i) => ({ sha256: hash(name), view: i % 2 }));
  const activations = Float32Array.from({ length: 3 * 2 * 2 * 3 }, (_, i) => i / 7);
  const features = new Map([['stage1/avg', Float32Array.of(1, 2, 3, 4, 5, 6)]]);
  const columns = [{ name: 'stage1/avg', dimension: 2 }];
  const request = activationsInMemory({ shape: [2, 2, 3], contents, activations, columns, features });
  const reader = openActivations(structuredClone(request));

  it('are found by content and view', () => {
    expect(contents.map(({ sha256, view }) => reader.rowOf(sha256, view))).toEqual([0, 1, 2]);
    expect(reader.rowOf(hash('b'), 1)).toBeUndefined();
    expect(reader.rowOf(hash('c'), 0)).toBeUndefined();
  });

  it('are read in any order, also more than once', async () => {
    const into = new Float32Array(3 * 12);
    await reader.read(Int32Array.of(2, 0, 2), into, Int32Array.of(1));
    const row = (index: number) => [...activations.subarray(index * 12, (index + 1) * 12)];
    expect([...into]).toEqual([...row(2), ...row(0), ...row(2)]);
    await reader.read(Int32Array.of(1), into.subarray(0, 12));
    expect([...into.subarray(0, 12)]).toEqual(row(1));
  });

  it('have the features from before the cut beside them', async () => {
    const into = new Float32Array(4);
    await reader.column('stage1/avg', Int32Array.of(2, 1), into);
    expect([...into]).toEqual([5, 6, 3, 4]);
  });

  it('refuse rows and columns that there are not, and memory of another length', async () => {
    const into = new Float32Array(12);
    await expect(reader.read(Int32Array.of(3), into)).rejects.toThrow(
      'Expected a row below 3 for the activations but received 3',
    );
    await expect(reader.column('avg', Int32Array.of(0), into)).rejects.toThrow(
      'Expected stage1/avg for a column but received "avg"',
    );
    await expect(reader.read(Int32Array.of(0, 1), into)).rejects.toThrow(
      'Expected 24 numbers for the memory to read to but received 12',
    );
  });
});
