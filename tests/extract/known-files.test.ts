/** What is remembered of files, so that they need not be read again. */
import { mkdtempSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openKnownFiles } from '../../src/extract/known-files.ts';

const newFolder = () => mkdtempSync(join(tmpdir(), 'permafrost-test-'));

/** A file that was written long enough ago; its hash is remembered as `sha256`. */
async function remembered(dir: string, sha256 = 'a'): Promise<string> {
  const file = join(newFolder(), 'x.jpg');
  writeFileSync(file, 'content');
  await settle();
  const known = await openKnownFiles(dir);
  expect(await known.hashOf('x.jpg', file)).toBeUndefined();
  known.remember('x.jpg', sha256);
  await known.save();
  return file;
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 2100));
const hashAgain = async (dir: string, file: string, options = {}) =>
  (await openKnownFiles(dir, options)).hashOf('x.jpg', file);

describe('a known file', () => {
  it('is not read again until it changes, even when its size and date are put back', async () => {
    const dir = newFolder();
    const file = await remembered(dir);
    expect(await hashAgain(dir, file)).toBe('a');
    expect(await hashAgain(dir, file, { trusted: false })).toBeUndefined();
    const { atime, mtime } = statSync(file);
    writeFileSync(file, 'CONTENT');
    utimesSync(file, atime, mtime);
    expect(await hashAgain(dir, file)).toBeUndefined();
  });

  it('is not one when it has just been written, for it may change again unseen', async () => {
    const [dir, file] = [newFolder(), join(newFolder(), 'x.jpg')];
    writeFileSync(file, 'content');
    const known = await openKnownFiles(dir);
    await known.hashOf('x.jpg', file);
    known.remember('x.jpg', 'a');
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
