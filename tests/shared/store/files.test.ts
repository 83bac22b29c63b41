/** Files that are there as a whole or not at all. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { disk, writeDurably, writeDurablySync } from '../../../src/shared/store/files.ts';
import { failCall } from '../../support/fault-injection/disk.ts';
import { newFolder } from '../../support/folders.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

describe('content that fails half-way', () => {
  it.each([
    ['an error of its own', new Error('no more photos')],
    ['an error of another file', Object.assign(new Error('EACCES: photo.jpg'), { code: 'EACCES' })],
  ])('passes %s on and leaves the old file', async (_, thrown) => {
    const dir = newFolder();
    const path = join(dir, 'file');
    writeFileSync(path, 'old');
    const pieces = (function* () {
      yield 'new';
      throw thrown;
    })();
    await expect(writeDurably(path, pieces)).rejects.toBe(thrown);
    expect(readdirSync(dir)).toEqual(['file']);
    expect(readFileSync(path, 'utf8')).toBe('old');
  });
});

it('lines are written many at a time, and none is lost', async () => {
  const path = join(newFolder(), 'file');
  const lines = Array.from({ length: 20_000 }, (_, i) => `${i}\n`);
  const faults = failCall(disk, 0);
  try {
    await writeDurably(path, [...lines, bytes('bytes'), 'end']);
  } finally {
    faults.undo();
  }
  expect(faults.calls).toBeLessThan(12);
  expect(readFileSync(path, 'utf8')).toBe(`${lines.join('')}bytesend`);
});

describe('written at once', () => {
  it('a file has all of its pieces', () => {
    const dir = newFolder();
    writeDurablySync(join(dir, 'file'), [bytes('a'), bytes('bc')]);
    expect(readdirSync(dir)).toEqual(['file']);
    expect(readFileSync(join(dir, 'file'), 'utf8')).toBe('abc');
  });

  it('a file that cannot take its name is named, and nothing is left', () => {
    const dir = newFolder();
    mkdirSync(join(dir, 'file', 'below'), { recursive: true });
    expect(() => writeDurablySync(join(dir, 'file'), [bytes('a')])).toThrow(
      `Cannot write ${join(dir, 'file')}: `,
    );
    expect(readdirSync(dir)).toEqual(['file']);
  });
});
