/** What a newcomer reads who got something wrong: whole sentences, with the flag or the path, and what to do. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { permafrost } from './support/command.ts';
import { newFolder } from './support/folders.ts';
import { writeRandomHead } from './support/random-head.ts';
import { clusters, syntheticStore } from './support/synthetic-store.ts';

const cwd = newFolder();
let features: string;

beforeAll(async () => {
  await writeRandomHead(join(cwd, 'run/best'));
  features = await syntheticStore(clusters(['a', 'b'], 4));
  writeFileSync(join(cwd, 'note.txt'), 'a note');
  writeFileSync(join(cwd, 'list.csv'), 'path,lable\na.jpg,x\n');
  mkdirSync(join(cwd, 'empty'));
});

it.each<[string, string]>([
  ['', 'Missing command: one of extract, train-head'],
  ['extrct --data photos', 'Unknown command extrct (did you mean extract?)\nSee permafrost --help\n'],
  ['--frob', 'Missing command: one of extract'],
  ['extract', 'Missing --data\nSee permafrost extract --help\n'],
  ['extract photos', 'Unexpected "photos": extract takes flags only (did you mean --data photos?)'],
  ['extract --data photos', 'No such file or folder: photos (--data)\n'],
  ['extract --data note.txt', 'table for --data but note.txt is none of them\n'],
  ['extract --data list.csv', 'column lable but received "x" (--label-column "lable" if labels stand there)'],
  ['extract --data empty --backbone vgg61', 'Unknown backbone "vgg61" (did you mean vgg16 or vgg19?)\n'],
  ['extract --data empty --backbone a.onnx', 'No such file: a.onnx (--backbone)\n'],
  ['extract --data empty --seed 3', '--seed needs --augment, whose views it draws\n'],
  ['train-head', 'Missing --features: a feature store that permafrost extract wrote\n'],
  ['train-head --features gone', 'No feature store at gone: run permafrost extract first\n'],
  ['train-head --features note.txt', 'No feature store at note.txt: it is a file, not a folder\n'],
  ['train-head --features gone --label-column x', '--label-column needs --labels\n'],
  ['train-head --features gone --labels no.csv', 'No feature store at gone'],
  ['predict a.jpg', 'Missing --head\n'],
  ['predict --head run', 'Missing images: name files, folders or globs, or give --stdin or --watch DIR\n'],
  ['predict --head run a.jpg', 'No trained head at run (did you mean run/best?)\n'],
  ['predict --head gone a.jpg', 'No trained head at gone: give the folder best of a run'],
  ['predict --head run/best a.jpg', 'Cannot read a.jpg: no such file\n'],
  ['predict --head run/best empty', 'Found no image in empty\n'],
  ['predict --head run/best note.txt --out empty', '--out empty is a folder: name a file\n'],
  ['predict --head run/best --watch gone', 'No such folder: gone (--watch)\n'],
  [
    'serve --head run/best --host 10.9.8.7',
    'Cannot listen on 10.9.8.7:8765: this machine has no such address\n',
  ],
  ['export --head run/best', 'Missing --format, --out\n'],
  [
    'export --head run/best --format onnx --full --out m',
    '--full works only with --format keras or tfjs, not onnx\n',
  ],
  ['cache', 'Missing action: one of ls, verify, merge, prune\n'],
  ['cache ls gone', 'No such folder: gone\n'],
  ['cache verify empty', 'No feature store at or below empty\n'],
  ['cache ls --dry-run', '--dry-run cannot be combined with cache ls\n'],
])('permafrost %s', async (line, message) => {
  const { status, stdout, stderr } = await permafrost(line.split(' ').filter(Boolean), { cwd });
  expect(stderr).toContain(message);
  expect(stderr).not.toMatch(/received nothing|ENOENT|\(s\)|\n\s+at /);
  expect(stdout).toBe('');
  expect([1, 2]).toContain(status);
});

it('names the store in a folder of stores', async () => {
  const { stderr } = await permafrost(['train-head', '--features', join(features, '..')], { cwd });
  expect(stderr).toBe(`No feature store at ${join(features, '..')} (did you mean ${features}?)\n`);
});

it('says that a port is taken, and what to do', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const { stderr } = await permafrost(['serve', '--head', 'run/best', '--port', String(port)], { cwd });
  server.close();
  expect(stderr).toContain(`:${port}: another program uses this port; --port 0 takes one that is free\n`);
});
