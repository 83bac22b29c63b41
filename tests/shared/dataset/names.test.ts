/** Names of classes and paths as stores and --labels have them: one in every Unicode form. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadDataset } from '../../../src/shared/dataset/load.ts';
import { silent } from '../../../src/shared/reporter.ts';
import { newFolder } from '../../support/folders.ts';
import { row, writerOf } from '../../support/store-rows.ts';

const NFC = 'Caf\u00e9';
const NFD = 'Cafe\u0301';

/** Loads a store of images with these paths and labels, as train-head does. */
async function load(
  images: readonly (readonly [path: string, label: string])[],
  labels?: string | Buffer,
  name = 'new.csv',
) {
  const dir = newFolder();
  const writer = await writerOf(dir);
  for (const [i, [path, label]] of images.entries()) {
    const { record, features } = row(i);
    await writer.append({ ...record, path, labels: [label], group: null }, features);
  }
  await writer.finish({ failed: 0 });
  const file = join(dir, name);
  if (labels !== undefined) writeFileSync(file, labels);
  const said: string[] = [];
  const reporter = {
    ...silent,
    info: (note: string) => void said.push(note),
    warn: (note: string) => void said.push(`warning: ${note}`),
  };
  const dataset = await loadDataset(
    {
      sources: [{ features: [dir], pooling: ['avg'] }],
      copies: 1,
      task: 'auto',
      ...(labels !== undefined && { labels: { file, manifest: {} } }),
    },
    reporter,
  );
  return { ...dataset, said };
}

it('a class that a store of an earlier version has in two forms is one', async () => {
  const { classes, table } = await load([
    ['1.jpg', NFC],
    ['2.jpg', NFD],
    ['3.jpg', 'b'],
  ]);
  expect(classes).toEqual([NFC, 'b']);
  expect(table.labels).toEqual([[NFC], [NFC], ['b']]);
});

it.each([
  [NFC, NFD],
  [NFD, NFC],
])('labels for %j name the image %j of a store', async (stored, written) => {
  const { table } = await load(
    [
      [`x/${stored}.jpg`, 'a'],
      ['x/b.jpg', 'a'],
    ],
    `path,label\nx/${written}.jpg,${NFD}\n./x//b.jpg,y\n`,
  );
  expect(table.labels).toEqual([[NFC], ['y']]);
});

it('images whose names differ in their form only are told apart by their bytes', async () => {
  const { table } = await load(
    [
      [`${NFC}.jpg`, 'a'],
      [`${NFD}.jpg`, 'a'],
    ],
    `path,label\n${NFD}.jpg,x\n${NFC}.jpg,y\n`,
  );
  expect(table.labels).toEqual([['y'], ['x']]);
});

it('labels may have backslashes in their paths, and a store too', async () => {
  const { table } = await load(
    [
      ['x/a.jpg', 'a'],
      ['odd\\name.jpg', 'a'],
    ],
    'path,label\nx\\a.jpg,x\nodd\\name.jpg,y\n',
  );
  expect(table.labels).toEqual([['x'], ['y']]);
});

it('labels in another encoding are read as --data reads them, and that is said', async () => {
  const content = Buffer.from('path;label\na.jpg;Größe\nb.jpg;x\n', 'latin1');
  const { classes, said } = await load(
    [
      ['a.jpg', 'a'],
      ['b.jpg', 'b'],
    ],
    content,
  );
  expect(classes).toEqual(['Größe', 'x']);
  expect(said).toEqual([
    'warning: new.csv is not UTF-8: it is read as Windows-1252 (line 2); --encoding names another',
    'new.csv is separated by semicolons, not commas',
  ]);
});

it('what labels may not mean is warned of, from a store and from --labels', async () => {
  const warning =
    'warning: Classes that differ only in upper and lower case: "A" and "a". Are they the same?';
  expect(
    (
      await load([
        ['1.jpg', 'a'],
        ['2.jpg', 'A'],
      ])
    ).said,
  ).toEqual([warning]);
  const { said } = await load(
    [
      ['1.jpg', 'x'],
      ['2.jpg', 'y'],
    ],
    'path,label\n1.jpg,a\n2.jpg,"A,b"\n3.jpg,A\n',
  );
  expect(said).toEqual([
    'warning: 1 label holds ",", such as "A,b": --label-separator "," makes several labels of each',
    expect.stringContaining('not in the feature store'),
  ]);
});

it('labels of other images name one of either', async () => {
  await expect(
    load(
      [
        ['x/1.jpg', 'a'],
        ['x/2.jpg', 'b'],
      ],
      'path,label\n1,a\n2,b\n',
    ),
  ).rejects.toThrow(
    /Expected paths like "x\/1\.jpg" in .*new\.csv but none of its 2, such as "1", is in the feature store/,
  );
});
