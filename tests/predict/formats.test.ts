/** The files that predictions are written to. */
import { tableFromIPC } from 'apache-arrow';
import { parse } from 'csv-parse/sync';
import { describe, expect, it } from 'vitest';
import { FORMAT_NAMES, FORMATS, type FormatName } from '../../src/predict/formats.ts';
import type { FilePrediction } from '../../src/predict/predict.ts';
import { csvLine } from '../../src/shared/csv-line.ts';
import { labelReader } from '../../src/shared/manifest/labels.ts';
import { NAMES } from '../support/class-names.ts';

const CLASSES = ['oak', 'ash, "common"'];
const BATCHES: FilePrediction[][] = [
  [
    { path: 'a.jpg', labels: ['oak'], probabilities: Float32Array.of(0.75, 0.125) },
    { path: 'b, c.jpg', labels: CLASSES, probabilities: Float32Array.of(0.9, 0.6) },
  ],
  [{ path: 'd.jpg', labels: [], probabilities: Float32Array.of(1e-9, 1 / 3) }],
];
const OBJECTS = [
  { path: 'a.jpg', labels: ['oak'], probabilities: { oak: 0.75, 'ash, "common"': 0.125 } },
  { path: 'b, c.jpg', labels: CLASSES, probabilities: { oak: 0.9, 'ash, "common"': 0.6 } },
  { path: 'd.jpg', labels: [], probabilities: { oak: 1e-9, 'ash, "common"': 0.333333 } },
];

async function* each(batches: FilePrediction[][]): AsyncGenerator<FilePrediction[]> {
  yield* batches;
}

async function written(format: FormatName, batches = BATCHES): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of FORMATS[format](each(batches), CLASSES)) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

describe('formats of predictions', () => {
  it('json is one object on one line', async () => {
    const text = (await written('json')).toString();
    expect(JSON.parse(text)).toEqual({ predictions: OBJECTS });
    expect(text.indexOf('\n')).toBe(text.length - 1);
    expect((await written('json', [])).toString()).toBe('{"predictions":[]}\n');
  });

  it('jsonl is one object a line', async () => {
    const lines = (await written('jsonl')).toString().trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual(OBJECTS);
  });

  it('csv has a column for each class', async () => {
    expect((await written('csv')).toString()).toBe(
      [
        'path,labels,p_oak,"p_ash, ""common"""',
        'a.jpg,oak,0.75,0.125',
        '"b, c.jpg","oak|ash, ""common""",0.9,0.6',
        'd.jpg,,1e-9,0.333333',
        '',
      ].join('\n'),
    );
  });

  it('the most probable classes stand first where so many are asked for', async () => {
    const pieces = async (format: 'jsonl' | 'csv', topK: number): Promise<string[]> => {
      let text = '';
      for await (const piece of FORMATS[format](each(BATCHES), CLASSES, { topK })) text += piece;
      return text.trimEnd().split('\n');
    };
    const [first, , last] = (await pieces('jsonl', 1)).map((line) => JSON.parse(line));
    expect(first).toEqual({ path: 'a.jpg', labels: ['oak'], top: [{ label: 'oak', probability: 0.75 }] });
    expect(last.top).toEqual([{ label: CLASSES[1], probability: 0.333333 }]);
    const ash = csvLine([CLASSES[1]]).trimEnd();
    expect(await pieces('csv', 9)).toEqual([
      'path,labels,top_1,p_1,top_2,p_2',
      `a.jpg,oak,oak,0.75,${ash},0.125`,
      `"b, c.jpg","oak|ash, ""common""",oak,0.9,${ash},0.6`,
      `d.jpg,,${ash},0.333333,oak,1e-9`,
    ]);
  });

  it('arrow has a record batch for each batch', async () => {
    const table = tableFromIPC(await written('arrow'));
    expect(table.batches.map(({ numRows }) => numRows)).toEqual([2, 1]);
    expect(table.schema.fields.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'path Utf8',
      'labels List<Utf8>',
      'p_oak Float32',
      'p_ash, "common" Float32',
    ]);
    const rows = table.toArray().map((row) => ({ path: row.path, labels: [...row.labels], p: row.p_oak }));
    expect(rows).toEqual(
      BATCHES.flat().map(({ path, labels, probabilities }) => ({ path, labels, p: probabilities[0] })),
    );
  });

  it.each(FORMAT_NAMES)('%s passes on a failure', async (format) => {
    const failing = async function* (): AsyncGenerator<FilePrediction[]> {
      yield BATCHES[0];
      throw new Error('the backbone is gone');
    };
    const read = async () => {
      for await (const _ of FORMATS[format](failing(), CLASSES));
    };
    await expect(read()).rejects.toThrow('the backbone is gone');
  });

  it('give names back as they are', async () => {
    const batch = NAMES.map((name, index): FilePrediction => {
      const probabilities = Float32Array.from(NAMES, (_, c) => (c === index ? 1 : 0));
      return { path: ` ${name}\n\t.jpg`, labels: [name, 'b'], probabilities };
    });
    const read = async (format: FormatName): Promise<Buffer> => {
      const pieces: Uint8Array[] = [];
      for await (const piece of FORMATS[format](each([batch]), NAMES)) pieces.push(Buffer.from(piece));
      return Buffer.concat(pieces);
    };
    const paths = batch.map(({ path }) => path);
    const labels = batch.map((one) => one.labels);
    const objects = (await read('jsonl'))
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(objects.map((one) => one.path)).toEqual(paths);
    expect(objects.map((one) => one.labels)).toEqual(labels);
    for (const [index, name] of NAMES.entries())
      expect(new Map(Object.entries(objects[index].probabilities)).get(name)).toBe(1);
    expect(JSON.parse((await read('json')).toString()).predictions).toEqual(objects);
    const table = tableFromIPC(await read('arrow'));
    expect(table.schema.fields.slice(2).map(({ name }) => name)).toEqual(NAMES.map((name) => `p_${name}`));
    expect([...table.getChild('path')!]).toEqual(paths);
    expect([...table.getChild('labels')!].map((cell) => [...cell])).toEqual(labels);
    const [header, ...rows] = parse(await read('csv')) as string[][];
    expect(header).toEqual(['path', 'labels', ...NAMES.map((name) => `p_${name}`)]);
    expect(rows.map(([path]) => path)).toEqual(paths);
    const reader = labelReader();
    expect(rows.map(([, cell]) => reader.read(cell, ''))).toEqual(labels);
  });
});
