/** How a finished build takes the place of the last one. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { replaceFolder } from '../../scripts/build.ts';
import { newFolder } from '../support/folders.ts';

function folderOf(files: Record<string, string>): string {
  const folder = newFolder();
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

it('has the new files, and none that the sources no longer make', () => {
  const dist = folderOf({ 'a.js': 'old', 'gone.js': 'old', 'moved/b.js': 'old' });
  replaceFolder(folderOf({ 'a.js': 'new', 'train/b.js': 'new' }), dist);
  expect(readdirSync(dist).sort()).toEqual(['a.js', 'train']);
  expect(['a.js', 'train/b.js'].map((path) => readFileSync(join(dist, path), 'utf8'))).toEqual([
    'new',
    'new',
  ]);
});

it('makes the folder where there is none', () => {
  const dist = join(newFolder(), 'dist');
  replaceFolder(folderOf({ 'a/b.js': '' }), dist);
  expect(existsSync(join(dist, 'a', 'b.js'))).toBe(true);
});
