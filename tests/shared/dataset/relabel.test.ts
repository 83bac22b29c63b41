/** train-head --labels: other labels for the same features. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readFeatures } from '../../../src/shared/dataset/features.ts';
import { relabel } from '../../../src/shared/dataset/relabel.ts';
import { readRows } from '../../../src/shared/dataset/rows.ts';
import { silent } from '../../../src/shared/reporter.ts';
import { newFolder } from '../../support/folders.ts';
import { row, storeOf } from '../../support/store-rows.ts';

async function relabelled(content: string, name = 'new.csv') {
  const file = join(newFolder(), name);
  writeFileSync(file, content);
  const warnings: string[] = [];
  const reporter = { ...silent, warn: (message: string) => void warnings.push(message) };
  const stored = await readFeatures([{ features: [await storeOf(4)], pooling: ['avg'] }], reporter);
  const table = await relabel(stored, file, {}, reporter);
  return { table, warnings };
}

describe('labels from a file', () => {
  it('replace those of the store, with their splits and groups', async () => {
    const { table, warnings } = await relabelled(
      'path,label,split,group\nclass/3.jpg,x|y,val,g\n./class/0.jpg,z,train,\nclass/9.jpg,z,train,\nclass/1.jpg,,test,\n',
    );
    expect(table.paths).toEqual(['class/0.jpg', 'class/1.jpg', 'class/3.jpg']);
    expect(table.labels).toEqual([['z'], [], ['x', 'y']]);
    expect(table.splits).toEqual(['train', 'test', 'val']);
    expect(table.groups).toEqual([null, null, 'g']);
    const { matrix, inputs } = table.sets[0];
    expect([...readRows(matrix, inputs, 0, 3).values]).toEqual(
      [0, 1, 3].flatMap((i) => [...row(i).features[0]]),
    );
    expect(warnings).toEqual([
      expect.stringContaining('1 image of'),
      expect.stringContaining('1 of 4 rows has no labels in'),
    ]);
  });

  it.each([
    ['path,label\nother/1.jpg,x\n', 'Expected paths like "class/0.jpg" in'],
    ['path,label\nclass/1.jpg,x\nclass/1.jpg,y\n', 'Expected each image once for new.csv line 3'],
    ['name,label\nclass/1.jpg,x\n', 'Expected a column named path'],
  ])('%j are refused', async (content, message) => {
    await expect(relabelled(content)).rejects.toThrow(message);
  });

  it.each<[string, (path: string) => void]>([
    ['labels.txt', (path) => writeFileSync(path, 'path,label\nclass/1.jpg,x\n')],
    ['labels.csv', (path) => mkdirSync(path)],
  ])('are refused in %s, a text or a folder', async (name, make) => {
    const path = join(newFolder(), name);
    make(path);
    const table = await readFeatures([{ features: [await storeOf(1)], pooling: ['avg'] }], silent);
    await expect(relabel(table, path, {}, silent)).rejects.toThrow(
      `Expected a .csv, .tsv or .jsonl file for --labels but received "${path}"`,
    );
  });

  it('bring weights, or take those of the store away', async () => {
    const weighted = await relabelled(
      'path,label,weight\nclass/3.jpg,x,2.5\nclass/1.jpg,y,0\n',
      'weights.csv',
    );
    expect(weighted.table.paths).toEqual(['class/1.jpg', 'class/3.jpg']);
    expect(weighted.table.weights).toEqual([0, 2.5]);
    expect((await relabelled('path,label\nclass/3.jpg,x\n')).table.weights).toBeNull();
  });
});
