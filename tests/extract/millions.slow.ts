/** Lists of millions of entries, longer than the longest string: five million known files, and images that failed. */
import { spawnSync } from 'node:child_process';
import { openSync, readSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { mergeStores } from '../../src/cache/merge.ts';
import { writeFailures } from '../../src/extract/failures.ts';
import { newFolder } from '../support/folders.ts';
import { storeOf } from '../support/store-rows.ts';

/** V8's, of characters. */
const LONGEST_STRING = 2 ** 29 - 24;

it('five million files are remembered and found again in a heap of 256 MB', () => {
  const bench = fileURLToPath(new URL('../../bench/known-files.ts', import.meta.url));
  // The heap of the child; what is outside of it is bounded below.
  const args = ['--max-old-space-size=256', '--import', 'tsx', bench, '5000000'];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  console.log(stdout);
  const measured = JSON.parse(stdout);
  expect(measured.found).toBe(5_000_000);
  expect(measured.megabytes * 1e6).toBeGreaterThan(LONGEST_STRING);
  // Two tables at a time, as the bench holds them, of 140 bytes a file each.
  expect(measured.peakMegabytes).toBeLessThan(2200);
});

it('six million images that failed are listed', async () => {
  const dir = newFolder();
  const failure = { path: `${'folder/'.repeat(8)}image.jpg`, reason: 'no such file' };
  const failures = Array.from({ length: 6_000_000 }, () => failure);
  await writeFailures(dir, failures);
  const line = `${JSON.stringify(failure)}\n`;
  const { size } = statSync(join(dir, 'errors.jsonl'));
  expect(size).toBe(line.length * failures.length);
  expect(size).toBeGreaterThan(LONGEST_STRING);
  const last = Buffer.alloc(line.length);
  readSync(openSync(join(dir, 'errors.jsonl'), 'r'), last, 0, last.length, size - last.length);
  expect(last.toString()).toBe(line);
});

it('lists of failed images longer than a string are merged whole', async () => {
  const stores = [await storeOf(3), await storeOf(5)];
  const out = newFolder();
  for (const store of stores) {
    writeFileSync(join(store, 'errors.jsonl'), '');
    truncateSync(join(store, 'errors.jsonl'), 600 * 2 ** 20);
  }
  await mergeStores(stores, out);
  expect(statSync(join(out, 'errors.jsonl')).size).toBe(2 * 600 * 2 ** 20);
});
