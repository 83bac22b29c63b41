/** extract() as a program calls it: its defaults, what it takes as data, and how it ends early. */
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { silent } from '../../src/shared/reporter.ts';
import { openStore } from '../../src/shared/store/reader.ts';
import { newFolder } from '../support/folders.ts';

const { extract, openDataset }: typeof import('../../src/extract/library.ts') = await import(
  new URL('../../dist/extract/library.js', import.meta.url).href
);

const data = join(newFolder(), 'photos');
/** Small, and without weights to read. */
const backbone = { name: 'mobilenet_0.25', weights: 'none', size: { width: 32, height: 32 } };

beforeAll(async () => {
  for (const name of ['a/0', 'b/1', 'a/2', 'b/3', 'a/4', 'b/5']) {
    mkdirSync(join(data, name[0]), { recursive: true });
    const create = {
      width: 8,
      height: 8,
      channels: 3,
      background: { r: 40 * Number(name[2]), g: 0, b: 9 },
    } as const;
    await sharp({ create }).toFile(join(data, `${name}.png`));
  }
});

const columnsOf = async (out: string) => (await openStore(out)).columns.map(({ name }) => name);

describe('extract', () => {
  it('has averages of layers, the last one first, unless poolings are named, and float32 numbers', async () => {
    const [usual, named] = [newFolder(), newFolder()];
    await extract({ data, backbone, out: usual });
    const [last, ...earlier] = await columnsOf(usual);
    expect(last).toBe('avg');
    for (const column of earlier) expect(column).toMatch(/\/avg$/);
    expect((await openStore(usual)).manifest.pipeline.dtype).toBe('float32');
    const requested = { ...backbone, poolings: ['max', 'avg'] };
    const [summary] = await extract({ data, backbone: [requested], out: named, dtype: 'float16' });
    expect(await columnsOf(named)).toEqual(['max', 'avg']);
    expect((await openStore(named)).manifest.pipeline.dtype).toBe('float16');
    expect(summary).toMatchObject({ images: 6, computed: 6, reused: 0, failed: 0 });
    expect(summary.imagesPerSecond * summary.seconds).toBeCloseTo(6, 1);
  });

  it('warns of what it passed over', async () => {
    const warnings: string[] = [];
    const reporter = { ...silent, warn: (message: string) => void warnings.push(message) };
    const folder = join(newFolder(), 'photos');
    cpSync(data, folder, { recursive: true });
    writeFileSync(join(folder, 'a', 'notes.txt'), '');
    await extract({ data: folder, backbone, out: newFolder() }, { reporter });
    expect(warnings).toEqual([expect.stringContaining('1 file that is no image by name was skipped')]);
  });

  it('takes a dataset that is open, and leaves it open', async () => {
    const dataset = await openDataset({ data });
    const out = newFolder();
    const shard = { index: 2, of: 3 };
    const [{ images, out: folder }] = await extract({ data: dataset, backbone, out, shard });
    expect(images).toBeLessThan(6);
    expect(folder).not.toBe(out);
    expect(await dataset.source.read(dataset.images[0].path)).toBeInstanceOf(Buffer);
    await dataset.source.close();
  });

  it.each([[{}], [{ images: [] }], [{ source: {} }], [null], [1]])(
    'takes no other object as data: %j',
    async (wrong) => {
      await expect(extract({ data: wrong as never, backbone, out: newFolder() })).rejects.toMatchObject({
        name: 'UsageError',
        message: expect.stringContaining('for data'),
      });
    },
  );

  it('ends with the reason of its signal, and keeps what it computed', async () => {
    const controller = new AbortController();
    const out = newFolder();
    let computed = 0;
    const advance = (rows: number) => {
      computed += rows;
      if (computed >= 2) controller.abort(new Error('enough'));
    };
    const reporter = { ...silent, progress: () => ({ advance, stop: () => {} }) };
    const { signal } = controller;
    const run = extract({ data, backbone, out, batchSize: 1, concurrency: 1 }, { signal, reporter });
    await expect(run).rejects.toThrow('enough');
    const { rows, manifest } = await openStore(out);
    expect(rows).toBeLessThan(6);
    expect(manifest.complete).toBe(false);
    expect(rows).toBeGreaterThan(0);
    const [resumed] = await extract({ data, backbone, out });
    expect(resumed).toMatchObject({ computed: 6 - rows, reused: rows });
  });
});
