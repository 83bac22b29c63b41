/** What a run opens, it closes: archives, tables and manifests, whether they can be used or not. */
import { mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { openDataset } from '../../src/extract/dataset/dataset.ts';
import { readManifest } from '../../src/shared/manifest/read.ts';
import { silent } from '../../src/shared/reporter.ts';
import { permafrost } from '../support/command.ts';
import { newFolder } from '../support/folders.ts';

const golden = (name: string) => fileURLToPath(new URL(`./golden/${name}`, import.meta.url));
const folder = newFolder();

/** Files below the folder that this process has open. */
function openFiles(): string[] {
  const links = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  });
  return links.filter((path) => path.startsWith(folder));
}

const MANY_ROWS = Array.from({ length: 20_000 }, (_, i) => `${i}.jpg,a`).join('\n');

it.skipIf(process.platform !== 'linux').each([
  ['damaged.parquet', Buffer.from('PAR1 no table PAR1')],
  ['empty.parquet', Buffer.alloc(0)],
  ['empty.arrow', Buffer.alloc(0)],
  ['cut.parquet', readFileSync(golden('images.parquet')).subarray(0, 500)],
  ['junk.tar', Buffer.alloc(2048, 7)],
  ['cut.zip', readFileSync(golden('wrapped.zip')).subarray(0, 300)],
  ['early.csv', Buffer.from(`path,label\n,a\n${MANY_ROWS}`)],
  ['early.jsonl', Buffer.from(`{}\n${'{"path":"x.jpg","label":"a"}\n'.repeat(20_000)}`)],
])('a refused data set is not left open: %s', async (name, bytes) => {
  const data = join(folder, name);
  writeFileSync(data, bytes);
  await expect(openDataset({ data })).rejects.toThrow(expect.objectContaining({ name: 'InputError' }));
  await expect.poll(openFiles).toEqual([]);
});

it('a table without the column that a flag names is not left open', async () => {
  const data = join(folder, 'images.parquet');
  writeFileSync(data, readFileSync(golden('images.parquet')));
  await expect(openDataset({ data, columns: { label: 'nothing' } })).rejects.toThrow(/nothing/);
  if (process.platform === 'linux') await expect.poll(openFiles).toEqual([]);
});

it.each(['list.csv', 'list.jsonl'])('a %s that cannot be read on is an error that says so', async (name) => {
  const broken = new Readable({
    read() {
      this.destroy(Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' }));
    },
  });
  const rows = readManifest(name, broken, {}, silent);
  await expect(rows.next()).rejects.toThrow(
    `Cannot read ${name}: the disk or the network folder fails (EIO)`,
  );
});

it('a line without end is refused before it fills the memory', async () => {
  const endless = Readable.from(
    (function* () {
      for (;;) yield 'x'.repeat(65_536);
    })(),
  );
  await expect(readManifest('list.jsonl', endless, {}, silent).next()).rejects.toThrow(
    'Expected lines of at most 1048576 characters in list.jsonl but line 1 is longer',
  );
});

it('an unpacked archive is removed at the end', async () => {
  const [temporary, out] = [join(folder, 'temporary'), join(folder, 'store')];
  mkdirSync(temporary);
  const before = process.env.TMPDIR;
  process.env.TMPDIR = temporary;
  const backbone = ['--backbone', 'mobilenet_0.25', '--weights', 'none', '--size', '32x32'];
  const run = permafrost(['extract', '--data', golden('gnu.tar.gz'), ...backbone, '--out', out]);
  if (before === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = before;
  expect((await run).status, (await run).stderr).toBe(0);
  // onnxruntime leaves files of its own there.
  expect(readdirSync(temporary).filter((name) => name.startsWith('permafrost'))).toEqual([]);
});
