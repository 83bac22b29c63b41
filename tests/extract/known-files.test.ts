/** What is remembered of files, so that they need not be read again. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { openKnownFiles } from '../../src/extract/known-files.ts';
import { disk } from '../../src/shared/store/files.ts';
import { permafrost } from '../support/command.ts';
import { newFolder } from '../support/folders.ts';

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

  it('is listed once, and what is known of all files is written again only where it differs', async () => {
    const dir = newFolder();
    const file = await remembered(dir);
    const list = join(dir, 'files.jsonl');
    const before = statSync(list);
    for (const times of [1, 2]) {
      const again = await openKnownFiles(dir);
      for (let time = 0; time < times; time++) expect(await again.hashOf('x.jpg', file)).toBe(HASH);
      await again.save();
      expect(statSync(list).ino).toBe(before.ino);
    }
    // A run without the file no longer lists it.
    await (await openKnownFiles(dir)).save();
    expect(statSync(list).ino).not.toBe(before.ino);
    expect(await hashAgain(dir, file)).toBeUndefined();
  });

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
    for (let index = 0; index < bytes.length; index += 7) {
      const altered = Buffer.from(bytes);
      altered[index] ^= 1;
      writeFileSync(path, altered);
      expect(await hashAgain(dir, file)).toBeUndefined();
    }
    writeFileSync(path, bytes.subarray(0, bytes.length - 1));
    expect(await hashAgain(dir, file)).toBeUndefined();
  });

  it('is known among many thousand, whatever their order and however long their names', async () => {
    const dir = newFolder();
    vi.spyOn(disk, 'stat').mockImplementation((async (path: string) => stampOf(Number(path))) as never);
    const known = await openKnownFiles(dir);
    for (let i = 0; i < 9000; i++) {
      await known.hashOf(nameOf(i), String(i));
      known.remember(nameOf(i), hash(i));
    }
    await known.save();
    const again = await openKnownFiles(dir);
    for (let i = 8999; i >= 0; i--) expect(await again.hashOf(nameOf(i), String(i))).toBe(hash(i));
    expect(await again.hashOf(nameOf(1), '2')).toBeUndefined();
    expect(await again.hashOf('nowhere', '1')).toBeUndefined();
    // Files that are not asked about any more are forgotten, changed ones take the place of what they were.
    const fewer = await openKnownFiles(dir);
    expect(await fewer.hashOf(nameOf(1), '1')).toBe(hash(1));
    await fewer.hashOf(nameOf(2), '3');
    fewer.remember(nameOf(2), hash(3));
    await fewer.save();
    const lines = readFileSync(join(dir, 'files.jsonl'), 'utf8').split('\n');
    expect(lines.slice(1)).toEqual([line(1, hash(1)), line(2, hash(3), 3), '']);
  });

  it('is read from the file that earlier versions wrote', async () => {
    const dir = newFolder();
    const text = `${line(7, hash(7))}\n`;
    const seal = createHash('sha256').update(text).digest('hex');
    const header = JSON.stringify({ format: 'permafrost-files', formatVersion: 1, seal });
    writeFileSync(join(dir, 'files.jsonl'), `${header}\n${text}`);
    vi.spyOn(disk, 'stat').mockResolvedValue(stampOf(7) as never);
    expect(await hashOnce(dir, nameOf(7))).toEqual([hash(7), []]);
  });
});

const nameOf = (i: number) => (i % 100 === 0 ? `${'ü/'.repeat(900)}${i}` : `class-${i % 7}/${i}.jpg`);
const hash = (i: number) => createHash('sha256').update(String(i)).digest('hex');
const stampOf = (i: number) => ({ size: i, mtimeMs: 1000 + i / 8, ctimeMs: 2000 + i, ino: 2 ** 40 + i });
const line = (i: number, sha256: string, of = i) => {
  const { size, mtimeMs, ctimeMs, ino } = stampOf(of);
  return JSON.stringify([nameOf(i), size, mtimeMs, ctimeMs, ino, sha256]);
};

/** What is known of a file, and what is said. */
async function hashOnce(dir: string, name: string): Promise<[string | undefined, string[]]> {
  const said: string[] = [];
  const known = await openKnownFiles(dir, { warn: (message) => said.push(message) });
  return [await known.hashOf(name, '7'), said];
}

describe('what was remembered', () => {
  it.each<[string, string | undefined]>([
    ['{"format":"permafrost-files","formatVersion":2}\n["x"]\n', 'six fields'],
    [`{"format":"permafrost-files","formatVersion":2}\n${line(7, hash(7))}\n`, 'it is not as it was written'],
    ['no JSON\n', 'it is not as it was written'],
    ['', 'it is not as it was written'],
    ['[]\n["a",1,2,3,4,"no hash"]\n', '64 hexadecimal digits'],
    ['x'.repeat(2 ** 24 + 2 ** 20), 'a line without an end'],
  ])('is said to be of no use where it cannot be read: %#', async (text, reason) => {
    const dir = newFolder();
    writeFileSync(join(dir, 'files.jsonl'), text);
    vi.spyOn(disk, 'stat').mockResolvedValue(stampOf(7) as never);
    expect(await hashOnce(dir, nameOf(7))).toEqual([
      undefined,
      [
        expect.stringMatching(
          new RegExp(`files.jsonl cannot be used .*${reason}.*every image is read again`),
        ),
      ],
    ]);
  });

  it('is not missed by a first run, and is where something else lies in its place', async () => {
    const dir = newFolder();
    vi.spyOn(disk, 'stat').mockResolvedValue(stampOf(7) as never);
    expect(await hashOnce(dir, 'x')).toEqual([undefined, []]);
    mkdirSync(join(dir, 'files.jsonl'));
    const [, said] = await hashOnce(dir, 'x');
    expect(said).toEqual([expect.stringContaining('it is a folder (EISDIR)): every image is read again')]);
    const known = await openKnownFiles(dir, { trusted: false });
    await known.hashOf('x', '7');
    known.remember('x', hash(7));
    await expect(known.save()).rejects.toThrow(/^Cannot write .*files\.jsonl: /);
  });
});

it('a run whose files cannot be remembered ends well, and says so', async () => {
  const data = newFolder();
  mkdirSync(join(data, 'class'));
  const photo = { create: { width: 8, height: 8, channels: 3, background: 'teal' } } as const;
  await sharp(photo)
    .png()
    .toFile(join(data, 'class', 'x.png'));
  const out = join(newFolder(), 'store');
  mkdirSync(join(out, 'files.jsonl', 'mine'), { recursive: true });
  // A file that has just been written is not remembered: it may change within the resolution of its dates.
  await sleep(2100);
  const backbone = ['--backbone', 'mobilenet_0.25', '--weights', 'none', '--size', '32x32'];
  const { status, stderr } = await permafrost(['extract', '--data', data, '--out', out, ...backbone]);
  expect(stderr).toContain('files.jsonl cannot be used (it is a folder (EISDIR)): every image is read again');
  expect(stderr).toMatch(/warning: Cannot write .*files\.jsonl: .*: the next run reads every image again/);
  expect(stderr).toContain('1 computed, 0 reused, 0 failed');
  expect(status).toBe(0);
});
