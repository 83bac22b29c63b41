/** The default depths from photos to predictions and exports, with the built commands. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { requestedColumns } from '../../src/shared/backbones/depths.ts';
import { howToAddDepths } from '../../src/shared/dataset/columns.ts';
import { openStore } from '../../src/shared/store/reader.ts';
import { permafrost } from '../support/command.ts';
import { newFolder } from '../support/folders.ts';

const PROGRAM = fileURLToPath(new URL('../../dist/permafrost.js', import.meta.url));
const folder = newFolder();
const data = join(folder, 'photos');
const store = join(folder, 'store');
const NAME = 'mobilenet_0.25';
const NETWORK = ['--backbone', NAME, '--weights', 'none', '--size', '64x48', '--batch-size', '4'];
const COLUMNS = requestedColumns(NAME, ['avg']);

beforeAll(async () => {
  for (let i = 0; i < 40; i++) {
    const path = join(data, i % 2 ? 'stripes' : 'plain');
    mkdirSync(path, { recursive: true });
    const pixels = Buffer.from(
      Array.from({ length: 64 * 48 * 3 }, (_, at) =>
        i % 2 ? (at * (i + 3)) % 256 : (i * 5 + (at % 3) * 40) % 256,
      ),
    );
    await sharp(pixels, { raw: { width: 64, height: 48, channels: 3 } }).toFile(join(path, `${i}.png`));
  }
});

async function run(...args: string[]) {
  const outcome = await permafrost(args);
  expect(outcome.status, outcome.stderr).toBe(0);
  return outcome;
}

async function featuresOf(dir: string) {
  const values = new Map<string, Float32Array>();
  for await (const part of (await openStore(dir)).parts())
    for (let row = 0; row < part.rows; row++)
      for (const [name, all] of part.features) {
        const dimension = all.length / part.rows;
        values.set(
          `${part.paths[row]} ${part.views[row]} ${name}`,
          all.slice(row * dimension, (row + 1) * dimension),
        );
      }
  return values;
}

describe('the depths that extract stores by default', () => {
  it('are said with their size, also per view', async () => {
    const { stderr, summary } = await run(
      'extract',
      '--data',
      data,
      '--out',
      store,
      '--augment',
      '1:flip',
      '--json',
      ...NETWORK,
    );
    expect(summary).toMatchObject({ computed: 40, columns: 4, features: 480 });
    expect(stderr).toContain(`${store}: 4 columns, 480 features an image, about 0.2 MB`);
    const { manifest } = await openStore(store);
    expect(manifest.columns.map(({ name }) => name)).toEqual(COLUMNS);
    expect(summary.bytes).toBe(manifest.parts.reduce((sum, { bytes }) => sum + bytes, 0));
  });

  it('reach predict, and an ONNX model that answers the same', async () => {
    const best = join(folder, 'run', 'best');
    await run(
      'train-head',
      '--features',
      store,
      '--pooling',
      COLUMNS.join(','),
      '--optimizer',
      'lbfgs',
      '--normalize',
      'standardize',
      '--no-report',
      '--out',
      join(folder, 'run'),
    );
    const head = JSON.parse(readFileSync(join(best, 'head.json'), 'utf8'));
    expect(head.sources[0]).toMatchObject({ columns: COLUMNS, dimension: 480 });
    const { summary } = await run(
      'predict',
      '--head',
      best,
      '--json',
      join(data, 'plain'),
      join(data, 'stripes'),
    );
    const predictions = summary.predictions as { path: string; labels: string[] }[];
    const right = predictions.filter(({ path, labels }) => path.includes(labels[0]));
    expect(right.length).toBeGreaterThan(35);
    for (const [format, ...flags] of [['onnx'], ['keras', '--full'], ['tfjs']]) {
      const out = join(folder, `model-${format}`);
      const exported = await run(
        'export',
        '--head',
        best,
        '--format',
        format,
        ...flags,
        '--out',
        out,
        '--json',
      );
      expect(exported.summary.difference).toBeLessThan(1e-4);
    }
  });

  it('reach serve, which answers as predict does', async () => {
    const best = join(folder, 'run', 'best');
    const photo = join(data, 'plain', '0.png');
    const { summary } = await run('predict', '--head', best, '--json', photo);
    const [{ probabilities }] = summary.predictions as { probabilities: Record<string, number> }[];
    const server = spawn(process.execPath, [PROGRAM, 'serve', '--head', best, '--port', '0']);
    try {
      const [line] = await once(server.stdout, 'data');
      const url = `${String(line).trim()}/predict`;
      const response = await fetch(url, { method: 'POST', body: new Uint8Array(readFileSync(photo)) });
      const served = (await response.json()) as { probabilities: Record<string, number> };
      expect(Object.keys(served.probabilities)).toHaveLength(2);
      for (const [name, probability] of Object.entries(probabilities))
        expect(served.probabilities[name]).toBeCloseTo(probability, 4);
    } finally {
      server.kill('SIGKILL');
    }
  });

  it('are added to a store by the command that is printed, whatever the store was made with', async () => {
    const dir = join(folder, 'shallow');
    const pixels = ['--size', '40x32', '--resize', 'pad', '--interpolation', 'lanczos'];
    const network = ['--backbone', NAME, '--weights', 'none', '--layer', 'last', '--dtype', 'float16'];
    const views = ['--augment', '1:flip,rotate=20', '--seed', '3'];
    await run('extract', '--data', data, ...network, ...pixels, ...views, '--out', dir);
    const [, command] = howToAddDepths(await openStore(dir)).split('permafrost ');
    const words = command.replace('DATA', data).replace('N:', '1:').split(' ');
    const { summary } = await run(...words, '--json');
    expect(summary).toMatchObject({ out: dir, columns: COLUMNS.length });
    expect((await openStore(dir)).rows).toBe(80);
  });

  it('pass through shards, merging, listing and verifying', async () => {
    const shards = join(folder, 'shards');
    for (const shard of ['1/2', '2/2'])
      await run(
        'extract',
        '--data',
        data,
        '--out',
        shards,
        '--augment',
        '1:flip',
        '--shard',
        shard,
        ...NETWORK,
      );
    const merged = join(folder, 'merged');
    const parts = ['shard-001-of-002', 'shard-002-of-002'].map((name) => join(shards, name));
    await run('cache', 'merge', ...parts, '--out', merged);
    expect(await featuresOf(merged)).toEqual(await featuresOf(store));
    const { stdout } = await run('cache', 'ls', merged);
    expect(stdout).toContain(
      'avg[256] conv_pw_3_relu/avg[32] conv_pw_5_relu/avg[64] conv_pw_11_relu/avg[128]',
    );
    await run('cache', 'verify', merged);
    await run('cache', 'prune', merged);
    expect(await featuresOf(merged)).toEqual(await featuresOf(store));
  });

  it('of several backbones lie in a store each', async () => {
    const out = join(folder, 'several');
    const names = [NAME, 'mobilenet_0.5'];
    await run('extract', '--data', data, '--out', out, ...NETWORK, '--backbone', names[1]);
    for (const name of names)
      expect((await openStore(join(out, name))).columns.map((column) => column.name)).toEqual(
        requestedColumns(name, ['avg']),
      );
  });
});
