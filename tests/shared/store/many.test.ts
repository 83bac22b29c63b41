/** What grows with the number of images: lists in files are written piece by piece, and no call takes one argument each. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { writeConflicts } from '../../../src/shared/store/conflicts.ts';
import { disk, jsonLines, writeDurably } from '../../../src/shared/store/files.ts';
import type { RowRecord } from '../../../src/shared/store/part-buffer.ts';
import { newFolder } from '../../support/folders.ts';
import { row, writerOf } from '../../support/store-rows.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

it('lines of JSON come some hundred at a time', () => {
  const values = Array.from({ length: 1200 }, (_, i) => ({ i }));
  const pieces = [...jsonLines(values)];
  expect(pieces.length).toBe(3);
  expect(pieces.join('')).toBe(values.map((value) => `${JSON.stringify(value)}\n`).join(''));
  expect([...jsonLines([])]).toEqual([]);
});

it('a file is written from pieces that come one by one', async () => {
  const path = join(newFolder(), 'file');
  await writeDurably(
    path,
    (async function* () {
      yield 'a';
      yield Buffer.from('b');
    })(),
  );
  expect(readFileSync(path, 'utf8')).toBe('ab');
});

it('conflicts are found in one pass, however many there are', async () => {
  const dir = newFolder();
  const count = 40_000;
  const rows = Array.from({ length: 2 * count }, (_, i): RowRecord => {
    const { record } = row(i % count);
    return { ...record, path: `${i}.jpg`, labels: [i < count ? 'a' : 'b'] };
  });
  // Of views, as many as a Map cannot hold entries of, only the images themselves are looked at.
  rows.push({ ...rows[0], view: 1, labels: ['c'] });
  const started = performance.now();
  expect(await writeConflicts(dir, rows)).toBe(count);
  expect(performance.now() - started).toBeLessThan(5000);
  const lines = readFileSync(join(dir, 'conflicts.jsonl'), 'utf8').split('\n');
  expect(lines.length).toBe(count + 1);
  expect(JSON.parse(lines[0]).images).toEqual([
    { path: '0.jpg', labels: ['a'] },
    { path: `${count}.jpg`, labels: ['b'] },
  ]);
});

it('a store of two hundred thousand parts is gone on from', async () => {
  const dir = newFolder();
  const names = Array.from({ length: 200_000 }, (_, i) => `part-${String(i).padStart(5, '0')}.arrow`);
  vi.spyOn(disk, 'readdir').mockResolvedValue(names as never);
  const writer = await writerOf(dir);
  const { record, features } = row(1);
  await writer.append(record, features);
  await writer.flush();
  expect(JSON.parse(readFileSync(join(dir, 'manifest.json'), 'utf8')).parts[0].file).toBe(
    'part-200000.arrow',
  );
});
