/** Every command whose output nobody reads any more: no stack trace, a status of its own, and what was done is kept. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { photo, photos } from '../../support/class-folders.ts';
import { permafrost } from '../../support/command.ts';
import { CLOSED, type Closed, withClosedOutput } from '../../support/fault-injection/closed-output.ts';
import { newFolder } from '../../support/folders.ts';
import { writeRandomHead } from '../../support/random-head.ts';
import { clusters, syntheticStore } from '../../support/synthetic-store.ts';

const cwd = newFolder();
const ALL = Object.keys(CLOSED) as Closed[];
let images: string;
let store: string;

beforeAll(async () => {
  images = await photos(60);
  store = await syntheticStore(clusters(['a', 'b', 'c'], 40));
  await writeRandomHead(join(cwd, 'best'));
});

describe('output that nobody reads', () => {
  it.each<[string[], Closed, number]>([
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
  ])('%j with %s closed ends quietly', async (args, closed, status) => {
    expect(await withClosedOutput(args, closed, { cwd })).toEqual({ status, read: '' });
  });

  it.each(ALL)('extract with %s closed keeps what it computed', async (closed) => {
    const out = join(newFolder(), 'store');
    const extract = ['extract', '--data', images, '--out', out, '--json', '--weights', 'none'];
    const flags = ['--backbone', 'mobilenet_0.25', '--size', '64x64'];
    expect(await withClosedOutput([...extract, ...flags], closed)).toMatchObject({ status: 141 });
    const again = await permafrost([...extract, ...flags]);
    expect(again.status).toBe(0);
    // stdout has the summary alone, which comes when everything is there.
    if (closed === 'stdout') expect(again.summary).toMatchObject({ computed: 0, reused: 60 });
  });

  it.each(ALL)('train-head with %s closed keeps what it trained', async (closed) => {
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
    const { status, read } = await withClosedOutput(train, closed);
    expect(status).toBe(141);
    expect(read).not.toMatch(/\n\s+at /);
    // stdout has the tables alone, which come when everything is there.
    if (closed === 'stdout') expect(existsSync(join(out, 'metrics.json'))).toBe(true);
    else expect((await permafrost(train)).status).toBe(0);
  });

  it.each(
    ['json', 'jsonl', 'csv'].flatMap((format) => ALL.map((closed): [string, Closed] => [format, closed])),
  )('predict --format %s with %s closed', async (format, closed) => {
    const predict = ['predict', '--head', 'best', images, '--format', format, '--batch-size', '4'];
    const { status, read } = await withClosedOutput(predict, closed, { cwd });
    expect(status).toBe(141);
    expect(read).not.toMatch(/EPIPE|\n\s+at /);
  });

  it('predict --out with stderr closed leaves a whole file', async () => {
    const out = join(newFolder(), 'answers.jsonl');
    const predict = ['predict', '--head', 'best', images, '--format', 'jsonl', '--out', out];
    expect(await withClosedOutput(predict, 'stderr', { cwd })).toEqual({ status: 141, read: '' });
    const lines = readFileSync(out, 'utf8').split('\n').slice(0, -1);
    for (const line of lines) expect(JSON.parse(line)).toHaveProperty('path');
  });

  it.each<Closed>(['stdout', 'both'])('predict --watch with %s closed', async (closed) => {
    const inbox = newFolder();
    const bytes = await photo(7);
    let isEnded = false;
    const ended = withClosedOutput(['predict', '--head', 'best', '--watch', inbox], closed, { cwd });
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

  it.each<Closed>(['stdout', 'both'])('serve with %s closed', async (closed) => {
    const { status, read } = await withClosedOutput(['serve', '--head', 'best', '--port', '0'], closed, {
      cwd,
    });
    expect(status).toBe(141);
    expect(read).not.toMatch(/EPIPE|\n\s+at /);
  });

  it.each(ALL)('export with %s closed leaves a whole file', async (closed) => {
    const out = join(newFolder(), 'head.onnx');
    const flags = ['--format', 'onnx', '--out', out, '--weights', 'none', '--json'];
    const { status, read } = await withClosedOutput(['export', '--head', 'best', ...flags], closed, { cwd });
    expect(status).toBe(141);
    expect(read).not.toMatch(/EPIPE|\n\s+at /);
    expect(existsSync(out)).toBe(true);
    expect(existsSync(`${out}.tmp`)).toBe(false);
  });
});
