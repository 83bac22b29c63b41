/** Several backbones in one run: each image is read once, each store is as if its backbone had run alone. */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { openDataset } from '../../src/extract/dataset/dataset.ts';
import { silent } from '../../src/shared/reporter.ts';
import { openStore } from '../../src/shared/store/reader.ts';
import { permafrost } from '../support/command.ts';
import { newFolder } from '../support/folders.ts';

const library: typeof import('../../src/extract/extract.ts') = await import(
  new URL('../../dist/extract/extract.js', import.meta.url).href
);

const COUNT = 10;
const data = join(newFolder(), 'photos');
const common = { weights: 'none', poolings: ['avg'], engine: 'auto' };
const small = { ...common, name: 'efficientnet_lite0', size: { width: 64, height: 48 } };
const square = { ...common, name: 'mobilenet_0.25', size: { width: 32, height: 32 } };
const settings = { dtype: 'float32', batchSize: 4, concurrency: 2, onError: 'skip' } as const;

beforeAll(async () => {
  for (let i = 0; i < COUNT; i++) {
    const folder = join(data, 'ab'[i % 2]);
    mkdirSync(folder, { recursive: true });
    const pixels = Buffer.from(
      Array.from({ length: 40 * 30 * 3 }, (_, index) => (index * (i + 3) + i * 50) % 256),
    );
    await sharp(pixels, { raw: { width: 40, height: 30, channels: 3 } }).toFile(join(folder, `${i}.png`));
  }
});

/** The data set, and how often each of its files was read. */
async function counted() {
  const dataset = await openDataset({ data });
  const reads = new Map<string, number>();
  const source = {
    ...dataset.source,
    read(path: string) {
      reads.set(path, (reads.get(path) ?? 0) + 1);
      return dataset.source.read(path);
    },
  };
  return { dataset: { ...dataset, source }, reads };
}

/** The bytes of all parts. */
async function content(out: string): Promise<Buffer> {
  const { manifest } = await openStore(out);
  return Buffer.concat(manifest.parts.map(({ file }) => readFileSync(join(out, file))));
}

describe('several backbones in one run', () => {
  it('read each image once and give what each gives alone', async () => {
    const root = newFolder();
    const { dataset, reads } = await counted();
    const jobs = [small, square].map((backbone) => ({ backbone, out: join(root, backbone.name) }));
    const runs = await library.extract({ dataset, jobs, ...settings });
    expect(runs.map(({ backbone, computed }) => [backbone, computed])).toEqual([
      [small.name, COUNT],
      [square.name, COUNT],
    ]);
    expect([...reads.values()]).toEqual(Array(COUNT).fill(1));
    for (const { backbone, out } of jobs) {
      const alone = join(root, `${backbone.name}-alone`);
      await library.extract({ dataset, jobs: [{ backbone, out: alone }], ...settings });
      expect(await content(out)).toEqual(await content(alone));
    }
  });

  it('compute only what each of them lacks, and keep what each has when interrupted', async () => {
    const root = newFolder();
    const { dataset, reads } = await counted();
    const jobs = [small, square].map((backbone) => ({ backbone, out: join(root, backbone.name) }));
    const abort = new AbortController();
    const progress = () => ({ advance: () => abort.abort(new Error('enough')), stop: () => {} });
    const interrupted = library.extract(
      { dataset, jobs, ...settings, batchSize: 2 },
      { signal: abort.signal, reporter: { ...silent, progress } },
    );
    await expect(interrupted).rejects.toThrow('enough');
    rmSync(jobs[1].out, { recursive: true });
    const kept = (await openStore(jobs[0].out)).manifest.counts.rows;
    expect(kept).toBeGreaterThan(0);
    reads.clear();
    const runs = await library.extract({ dataset, jobs, ...settings });
    expect(runs.map(({ computed, reused }) => [computed, reused])).toEqual([
      [COUNT - kept, kept],
      [COUNT, 0],
    ]);
    expect([...reads.values()]).toEqual(Array(COUNT).fill(1));
    reads.clear();
    const again = await library.extract({ dataset, jobs, ...settings });
    expect(again.map(({ reused }) => reused)).toEqual([COUNT, COUNT]);
  });

  it('have folders of their own below --out', async () => {
    const out = newFolder();
    const names = ['mobilenet_0.25', 'mobilenet_0.5'];
    const { status, stderr, summary } = await permafrost([
      'extract',
      '--data',
      data,
      '--weights',
      'none',
      '--size',
      '32x32',
      '--out',
      out,
      '--json',
      ...names.flatMap((name) => ['--backbone', name]),
    ]);
    expect(status, stderr).toBe(0);
    expect(summary.runs).toMatchObject(names.map((name) => ({ out: join(out, name), computed: COUNT })));
  });
});
