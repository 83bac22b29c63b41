/** What is remembered of files, so that they need not be read again. */
import { mkdtempSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { openKnownFiles } from '../../src/extract/known-files.ts';
import { disk } from '../../src/shared/store/files.ts';

const newFolder = () => mkdtempSync(join(tmpdir(), 'permafrost-test-'));

/** A file that was written long enough ago; its hash is remembered as `sha256`. */
const HASH = 'a1'.repeat(32);

async function remembered(dir: string, sha256 = HASH): Promise<string> {
  const file = join(newFolder(), 'x.jpg');
  writeFileSync(file, 'content');
  // A whole second, which utimes puts back exactly: fractions of a millisecond it does not.
  utimesSync(file, LONG_AGO, LONG_AGO);
  // Three seconds later.
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3000 });
  const known = await openKnownFiles(dir);
  expect(await known.hashOf('x.jpg', file)).toBeUndefined();
  known.remember('x.jpg', sha256);
  await known.save();
  return file;
}

const LONG_AGO = 1_600_000_000;
const hashAgain = async (dir: string, file: string, options = {}) =>
  (await openKnownFiles(dir, options)).hashOf('x.jpg', file);

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe('a known file', () => {
  it('is not read again until it changes', async () => {
    const dir = newFolder();
    const file = await remembered(dir);
    expect(await hashAgain(dir, file)).toBe(HASH);
    expect(await hashAgain(dir, file, { trusted: false })).toBeUndefined();
  });

  it('is read again when its size, date and inode are as before and only ctime tells', async () => {
    const dir = newFolder();
    const file = await remembered(dir);
    const before = statSync(file);
    // Longer than the steps of the clock that the file system reads.
    await new Promise((resolve) => setTimeout(resolve, 50));
    writeFileSync(file, 'CONTENT');
    utimesSync(file, LONG_AGO, LONG_AGO);
    const { size, mtimeMs, ino, ctimeMs } = statSync(file);
    expect({ size, mtimeMs, ino }).toEqual({ size: before.size, mtimeMs: before.mtimeMs, ino: before.ino });
    expect(ctimeMs).not.toBe(before.ctimeMs);
    expect(await hashAgain(dir, file)).toBeUndefined();
  });

  it.each(['size', 'mtimeMs', 'ctimeMs', 'ino'] as const)(
    'is read again when only %s differs',
    async (field) => {
      const dir = newFolder();
      const file = await remembered(dir);
      const stat = await disk.stat(file);
      vi.spyOn(disk, 'stat').mockResolvedValue(Object.assign(stat, { [field]: stat[field] + 1 }));
      expect(await hashAgain(dir, file)).toBeUndefined();
    },
  );

  it('is not one when it has just been written, for it may change again unseen', async () => {
    const [dir, file] = [newFolder(), join(newFolder(), 'x.jpg')];
    writeFileSync(file, 'content');
    const known = await openKnownFiles(dir);
    await known.hashOf('x.jpg', file);
    known.remember('x.jpg', HASH);
    await known.save();
    expect(await hashAgain(dir, file)).toBeUndefined();
  });

  it('is unknown when a byte of what was remembered changes', async () => {
    const dir = newFolder();
    const file = await remembered(dir);
    const path = join(dir, 'files.jsonl');
    const bytes = readFileSync(path);
    for (let at = 0; at < bytes.length; at += 7) {
      const altered = Buffer.from(bytes);
      altered[at] ^= 1;
      writeFileSync(path, altered);
      expect(await hashAgain(dir, file)).toBeUndefined();
    }
    writeFileSync(path, bytes.subarray(0, bytes.length - 1));
    expect(await hashAgain(dir, file)).toBeUndefined();
  });
});
