/** Every command whose output nobody reads any more: no stack trace, a status of its own, and what was done is kept. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { newFolder, permafrost } from '../../command.ts';
import { photo, photos } from '../../extract/photos.ts';
import { writeRandomHead } from '../../head.ts';
import { LOST, type Lost, withLostOutput } from '../../lost-output.ts';
import { clusters, syntheticStore } from '../../train/made-store.ts';

const cwd = newFolder();
const ALL = Object.keys(LOST) as Lost[];
let images: string;
let store: string;

beforeAll(async () => {
  images = await photos(60);
  store = await syntheticStore(clusters(['a', 'b', 'c'], 40));
  await writeRandomHead(join(cwd, 'best'));
});

describe('output that nobody reads', () => {
  it.each<[string[], Lost, number]>([
    [['--help'], 'stdout', 141],
    [['--version'], 'both', 141],
    [['train-head', '--help'], 'stdout', 141],
    [['backbones'], 'stdout', 141],
    [['backbones', 'vgg16', '--json'], 'both', 141],
    [['cache', 'ls', '.', '--json'], 'stdout', 141],
    [['doctor', '--seconds', '0', '--json'], 'both', 141],
    // A mistake keeps its status, and its message where that can be read.
    [['frob'], 'stderr', 2],
    [['frob'], 'both', 2],
    [['predict', 'a.jpg', '--head', 'gone'], 'stderr', 1],
    [['predict'], 'both', 2],
    [['cache', 'verify', 'gone'], 'both', 1],
    [['serve', '--head', 'gone'], 'both', 1],
    [['extract', '--data', 'gone'], 'both', 1],
    [['export', '--head', 'gone', '--format', 'onnx', '--out', 'x'], 'both', 1],
    [['train-head', '--features', 'gone'], 'both', 1],
  ])('%j with %s closed ends quietly', async (args, lost, status) => {
    expect(await withLostOutput(args, lost, { cwd })).toEqual({ status, read: '' });
  });

  it.each(ALL)('extract with %s closed keeps what it computed', async (lost) => {
    const out = join(newFolder(), 'store');
    const extract = ['extract', '--data', images, '--out', out, '--json', '--weights', 'none'];
    const flags = ['--backbone', 'mobilenet_0.25', '--size', '64x64'];
    expect(await withLostOutput([...extract, ...flags], lost)).toMatchObject({ status: 141 });
    const again = await permafrost([...extract, ...flags]);
    expect(again.status).toBe(0);
    // stdout has the summary alone, which comes when everything is there.
    if (lost === 'stdout') expect(again.summary).toMatchObject({ computed: 0, reused: 60 });
  });

  it.each(ALL)('train-head with %s closed keeps what it trained', async (lost) => {
    const out = join(newFolder(), 'run');
    const train = [
      'train-head',
      '--features',
      store,
      '--out',
      out,
      '--grid',
      'lr=1e-2,1e-3',
      '--epochs',
      '5',
    ];
    const { status, read } = await withLostOutput(train, lost);
    expect(status).toBe(141);
    expect(read).not.toMatch(/\n\s+at /);
    // stdout has the tables alone, which come when everything is there.
    if (lost === 'stdout') expect(existsSync(join(out, 'metrics.json'))).toBe(true);
    else expect((await permafrost(train)).status).toBe(0);
  });

  it.each(['json', 'jsonl', 'csv'].flatMap((format) => ALL.map((lost): [string, Lost] => [format, lost])))(
    'predict --format %s with %s closed',
    async (format, lost) => {
      const predict = ['predict', '--head', 'best', images, '--format', format, '--batch-size', '4'];
      const { status, read } = await withLostOutput(predict, lost, { cwd });
      expect(status).toBe(141);
      expect(read).not.toMatch(/EPIPE|\n\s+at /);
    },
  );

  it('predict --out with stderr closed leaves a whole file', async () => {
    const out = join(newFolder(), 'answers.jsonl');
    const predict = ['predict', '--head', 'best', images, '--format', 'jsonl', '--out', out];
    expect(await withLostOutput(predict, 'stderr', { cwd })).toEqual({ status: 141, read: '' });
    const lines = readFileSync(out, 'utf8').split('\n').slice(0, -1);
    for (const line of lines) expect(JSON.parse(line)).toHaveProperty('path');
  });

  it.each<Lost>(['stdout', 'both'])('predict --watch with %s closed', async (lost) => {
    const inbox = newFolder();
    const bytes = await photo(7);
    let isEnded = false;
    const ended = withLostOutput(['predict', '--head', 'best', '--watch', inbox], lost, { cwd });
    ended.then(() => {
      isEnded = true;
    });
    for (let i = 0; !isEnded && i < 100; i++) {
      writeFileSync(join(inbox, `${i}.jpg`), bytes);
      await sleep(500);
    }
    const { status, read } = await ended;
    expect(status).toBe(141);
    expect(read).not.toMatch(/EPIPE|\n\s+at /);
  });

  it.each<Lost>(['stdout', 'both'])('serve with %s closed', async (lost) => {
    const { status, read } = await withLostOutput(['serve', '--head', 'best', '--port', '0'], lost, { cwd });
    expect(status).toBe(141);
    expect(read).not.toMatch(/EPIPE|\n\s+at /);
  });

  it.each(ALL)('export with %s closed leaves a whole file', async (lost) => {
    const out = join(newFolder(), 'head.onnx');
    const flags = ['--format', 'onnx', '--out', out, '--weights', 'none', '--json'];
    const { status, read } = await withLostOutput(['export', '--head', 'best', ...flags], lost, { cwd });
    expect(status).toBe(141);
    expect(read).not.toMatch(/EPIPE|\n\s+at /);
    expect(existsSync(out)).toBe(true);
    expect(existsSync(`${out}.tmp`)).toBe(false);
  });
});
