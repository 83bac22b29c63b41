/** Tables with image bytes in several files, and what their labels may be. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  Binary,
  type DataType,
  Field,
  Float64,
  Int64,
  List,
  Schema,
  Struct,
  Table,
  tableToIPC,
  Utf8,
  vectorFromArray,
} from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { type DatasetOptions, openDataset } from '../../src/extract/dataset/dataset.ts';
import { newFolder } from '../support/folders.ts';

const golden = (name: string) => fileURLToPath(new URL(`./golden/${name}`, import.meta.url));

/** An Arrow file with a label column of this type beside images. */
function arrow(
  labels: readonly unknown[],
  type: DataType,
  { names, more = {} }: { names?: string[]; more?: Record<string, [DataType, unknown[]]> } = {},
): Uint8Array {
  const image = new Struct([new Field('bytes', new Binary(), true)]);
  const columns: Record<string, [DataType, readonly unknown[]]> = {
    image: [image, labels.map((_, i) => ({ bytes: Uint8Array.of(i) }))],
    label: [type, labels],
    ...more,
  };
  const info = { info: { features: { label: { names, _type: 'ClassLabel' } } } };
  const metadata = new Map(names ? [['huggingface', JSON.stringify(info)]] : []);
  const vectors = Object.fromEntries(
    Object.entries(columns).map(([name, [kind, values]]) => [
      name,
      vectorFromArray(values as unknown[], kind),
    ]),
  );
  const fields = Object.entries(columns).map(([name, [kind]]) => new Field(name, kind, true));
  const inferred = new Table(vectors);
  const table = new Table(new Schema(fields, metadata), inferred.batches);
  return tableToIPC(table, 'file');
}

function folder(files: Record<string, Uint8Array>): string {
  const root = newFolder();
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), bytes);
  }
  return root;
}

async function read(options: DatasetOptions) {
  const dataset = await openDataset(options);
  const bytes: number[] = [];
  for (const { path } of dataset.images) bytes.push((await dataset.source.read(path))[0]);
  await dataset.source.close();
  return { ...dataset, bytes };
}

const one = (...args: Parameters<typeof arrow>) =>
  read({ data: join(folder({ 'x.arrow': arrow(...args) }), 'x.arrow') });
const labelsOf = ({ images }: Awaited<ReturnType<typeof read>>) =>
  images.map(({ labels }) => labels.join('|'));

describe('labels of a table', () => {
  it('that are class numbers have their names; -1 and null are none', async () => {
    const dataset = await one([1n, -1n, 0n, null], new Int64(), { names: ['a', 'b'] });
    expect(labelsOf(dataset)).toEqual(['b', '', 'a', '']);
    expect(dataset.notes).toContain('2 of 4 images have no label');
  });

  it('that are lists of class numbers are several', async () => {
    const type = new List(new Field('item', new Int64(), true));
    expect(labelsOf(await one([[0n, 1n], [-1n], []], type, { names: ['a', 'b'] }))).toEqual(['a|b', '', '']);
  });

  it('that are no class of those named are refused', async () => {
    await expect(one([0n, 2n], new Int64(), { names: ['a', 'b'] })).rejects.toThrow(
      'Expected a class from 0 to 1, or -1 for none, for x.arrow row 1, column label but received 2',
    );
  });

  it('that are text are read as in a manifest', async () => {
    const dataset = await one(['a|b', "['a', 'c']", ' b ', 'Cafe\u0301', 'x,y'], new Utf8());
    expect(labelsOf(dataset)).toEqual(['a|b', 'a|c', 'b', 'Caf\u00e9', 'x,y']);
    expect(dataset.notes).toEqual([
      'Columns: image "image", label "label"',
      '1 label holds ",", such as "x,y": --label-separator "," makes several labels of each',
      expect.stringContaining('are read as lists of labels'),
    ]);
  });

  it('that are text in bytes are text, not numbers', async () => {
    expect(labelsOf(await one([Buffer.from('cat'), Buffer.from('é')], new Binary()))).toEqual(['cat', 'é']);
    await expect(one([Buffer.from('caf\xe9', 'latin1')], new Binary())).rejects.toThrow(
      'Expected UTF-8 for x.arrow row 0',
    );
  });

  it('that are numbers without names stand for themselves, and a gap for none', async () => {
    expect(labelsOf(await one([1, 2.5, Number.NaN], new Float64()))).toEqual(['1', '2.5', '']);
  });

  it('which has lost letters are refused', async () => {
    await expect(one(['caf\ufffd'], new Utf8())).rejects.toThrow('which has lost letters');
  });

  it('may have splits and groups beside them', async () => {
    const more: Record<string, [DataType, unknown[]]> = {
      split: [new Utf8(), ['train', 'validation']],
      group: [new Int64(), [7n, null]],
    };
    const { images } = await one(['a', 'b'], new Utf8(), { more });
    expect(images.map(({ split, group }) => [split, group])).toEqual([
      ['train', '7'],
      ['val', null],
    ]);
  });
});

describe('several tables', () => {
  const names = ['a', 'b'];
  const part = (...labels: bigint[]) => arrow(labels, new Int64(), { names });
  const shards = {
    'README.md': Buffer.from('# Data'),
    'data/test-00000-of-00001.arrow': part(1n),
    'data/train-00000-of-00002.arrow': part(0n, 1n),
    'data/train-00001-of-00002.arrow': part(1n),
    'data/validation-00000-of-00001.arrow': part(0n),
  };
  const rows = [
    ['test-00000-of-00001/row-0000000', 'b', 'test'],
    ['train-00000-of-00002/row-0000000', 'a', 'train'],
    ['train-00000-of-00002/row-0000001', 'b', 'train'],
    ['train-00001-of-00002/row-0000000', 'b', 'train'],
    ['validation-00000-of-00001/row-0000000', 'a', 'val'],
  ];

  it('are one data set by their folder, with the splits that they are named after', async () => {
    const dataset = await read({ data: folder(shards) });
    expect(dataset.images.map(({ path, labels, split }) => [path, labels[0], split])).toEqual(
      rows.map(([path, ...rest]) => [`data/${path}`, ...rest]),
    );
    expect(dataset.bytes).toEqual([0, 0, 1, 0, 0]);
    expect(dataset.notes).toEqual(['Columns: image "image", label "label"']);
  });

  it('are one data set by a glob', async () => {
    const root = folder(shards);
    const dataset = await read({ data: 'data/*.arrow', root });
    expect(dataset.images.map(({ path, split }) => [path, split])).toEqual(
      rows.map(([path, , split]) => [`data/${path}`, split]),
    );
    const train = await read({ data: 'data/train-*.arrow', root });
    expect(train.images.map(({ split }) => split)).toEqual([null, null, null]);
  });

  it('may lie in folders named after splits', async () => {
    const { images } = await read({
      data: folder({ 'train/0000.arrow': part(0n), 'test/0000.arrow': part(1n) }),
    });
    expect(images.map(({ path, split }) => [path, split])).toEqual([
      ['test/0000/row-0000000', 'test'],
      ['train/0000/row-0000000', 'train'],
    ]);
  });

  it('of Parquet are read in any order of their images, however many are open', async () => {
    const root = newFolder();
    const files = [
      'train-00000-of-00004',
      'train-00001-of-00004',
      'train-00002-of-00004',
      'train-00003-of-00004',
    ];
    for (const file of files) copyFileSync(golden('images.parquet'), join(root, `${file}.parquet`));
    const { images, source } = await openDataset({ data: root });
    expect(images).toHaveLength(20);
    const backwards = await Promise.all([...images].reverse().map(({ path }) => source.read(path)));
    const sizes = backwards.map(({ length }) => length);
    expect(sizes.slice(0, 5)).toEqual(sizes.slice(15));
    await source.close();
  });

  it('of which some are missing, or named after no split, are said', async () => {
    const { 'data/train-00001-of-00002.arrow': _, ...others } = shards;
    const { notes } = await read({ data: folder({ ...others, 'data/extra.arrow': part(0n) }) });
    expect(notes.slice(1)).toEqual([
      'No split in the name of 1 file, such as extra.arrow',
      'train-of-00002: 1 of its 2 files found, the others are missing',
    ]);
  });

  it.each([
    [
      'class names',
      arrow([0n], new Int64(), { names: ['a', 'c'] }),
      'Expected the class names of a.arrow (1 is "b") for b.arrow but received "c"',
    ],
    [
      'more class names',
      arrow([0n], new Int64(), { names: ['a', 'b', 'c'] }),
      'Expected the class names of a.arrow (2 is null) for b.arrow but received "c"',
    ],
    [
      'no class names',
      arrow([0n], new Int64()),
      'Expected the class names of a.arrow (0 is "a") for b.arrow but received nothing',
    ],
    [
      'columns',
      arrow([0n], new Int64(), { names, more: { group: [new Utf8(), ['x']] } }),
      'Expected the columns of a.arrow for b.arrow',
    ],
  ])('with other %s are refused', async (_, other, message) => {
    await expect(read({ data: folder({ 'a.arrow': part(0n), 'b.arrow': other }) })).rejects.toThrow(message);
  });

  it('of which one is damaged are refused by its name', async () => {
    const files = {
      'a.arrow': part(0n),
      'b.parquet': readFileSync(golden('images.parquet')).subarray(0, 200),
    };
    await expect(read({ data: folder(files) })).rejects.toThrow(
      'Expected a table in b.parquet but it is damaged',
    );
  });

  it('beside images are skipped, by name', async () => {
    const { images, notes } = await openDataset({
      data: folder({ 'a/1.jpg': Buffer.of(), 'b/2.jpg': Buffer.of(), 'x.arrow': part(0n) }),
    });
    expect(images).toHaveLength(2);
    expect(notes).toEqual([expect.stringContaining('.arrow')]);
  });
});
