/** Which images a command line names. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { listImages } from '../../src/predict/images.ts';
import { newFolder } from '../support/folders.ts';
import { writeRandomHead } from '../support/random-head.ts';

const root = newFolder();
mkdirSync(join(root, 'deep'));
for (const name of ['b.jpg', 'a.png', 'deep/c.jpg', 'deep/odd[1].jpg', 'notes.txt'])
  writeFileSync(join(root, name), '');

async function listed(named: string[], stdin?: string | Buffer): Promise<string[]> {
  const images = await listImages(
    named.map((name) => join(root, name)),
    stdin === undefined ? undefined : Readable.from([stdin]),
  );
  return images.map(({ file }) => relative(root, file));
}

it('takes files, folders and globs in the order they are named, each path once', async () => {
  expect(await listed(['b.jpg', '.'])).toEqual(['b.jpg', 'a.png', 'deep/c.jpg', 'deep/odd[1].jpg']);
  expect(await listed(['**/*.jpg', 'a.png'])).toEqual(['b.jpg', 'deep/c.jpg', 'deep/odd[1].jpg', 'a.png']);
  expect(await listed(['*'])).toEqual(['a.png', 'b.jpg']);
  expect(await listed(['deep/odd[1].jpg'])).toEqual(['deep/odd[1].jpg']);
  expect(await listed(['missing.jpg'])).toEqual(['missing.jpg']);
  await expect(listed(['*.gif'])).rejects.toThrow(/Found no image in .*\*\.gif/);
});

it('names the hidden and system folders and images of a folder that it skips', async () => {
  const folder = newFolder();
  for (const name of ['@eaDir', '.thumbnails', 'kept']) mkdirSync(join(folder, name));
  for (const name of ['@eaDir/a.jpg', '.thumbnails/b.jpg', 'kept/c.jpg', '.d.jpg', '.notes'])
    writeFileSync(join(folder, name), '');
  const warnings: string[] = [];
  const images = await listImages([folder], undefined, (message) => warnings.push(message));
  expect(images).toEqual([{ file: join(folder, 'kept/c.jpg') }]);
  expect(warnings).toHaveLength(1);
  for (const name of ['@eaDir/', '.thumbnails/', '.d.jpg'])
    expect(warnings[0]).toContain(JSON.stringify(join(folder, name)));
  expect(warnings[0]).not.toContain('.notes');
});

it('names what an absolute pattern matches absolutely, and a relative one relatively', async () => {
  expect(await listImages([join(root, '*.jpg')])).toEqual([{ file: join(root, 'b.jpg') }]);
  const pattern = join(relative(process.cwd(), root), '*.jpg');
  expect(await listImages([pattern])).toEqual([{ file: pattern.replace('*', 'b') }]);
});

it('takes the paths on a stream after those that are named', async () => {
  const lines = `${root}/b.jpg\r\n\n${root}/deep/odd[1].jpg`;
  expect(await listed([], lines)).toEqual(['b.jpg', 'deep/odd[1].jpg']);
  expect(await listed(['a.png', 'b.jpg'], lines)).toEqual(['a.png', 'b.jpg', 'deep/odd[1].jpg']);
  await expect(listed([], '\n')).rejects.toThrow('Found no image in stdin');
});

it('refuses lines of another encoding, whose files it could not find', async () => {
  await expect(listed([], Buffer.from('a.jpg\ncaf\xe9.jpg\n', 'latin1'))).rejects.toThrow(
    'Expected UTF-8 for stdin line 2 but received "caf\\xe9.jpg": save it as UTF-8',
  );
  expect(await listed([], Buffer.from(`\ufeff${root}/b.jpg\r\n`, 'utf16le'))).toEqual(['b.jpg']);
});

it('finds folders and files in either Unicode form, and calls them as they were named', async () => {
  const folder = join(root, 'Cafe\u0301');
  mkdirSync(folder);
  const photo = join(folder, 'e\u0301.png');
  await sharp({ create: { width: 20, height: 20, channels: 3, background: 'red' } }).toFile(photo);
  const named = join(root, 'Caf\u00e9');
  expect(await listed(['Caf\u00e9'])).toEqual(['Caf\u00e9/e\u0301.png']);
  const images = [join(named, '\u00e9.png')];
  const head = await writeRandomHead(newFolder());
  const program = fileURLToPath(new URL('../../dist/permafrost.js', import.meta.url));
  const args = [program, 'predict', '--head', head, '--format', 'jsonl', ...images];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  expect(JSON.parse(stdout).path).toBe(images[0]);
});

it('predict reads paths from stdin and predicts the most probable classes', async () => {
  const photo = join(root, 'photo.jpg');
  await sharp({ create: { width: 20, height: 20, channels: 3, background: 'red' } }).toFile(photo);
  const program = fileURLToPath(new URL('../../dist/permafrost.js', import.meta.url));
  const head = await writeRandomHead(join(root, 'best'));
  const predict = (...flags: string[]) => {
    const args = [program, 'predict', '--head', head, '--stdin', '--format', 'jsonl', ...flags];
    const { stdout, stderr, status } = spawnSync(process.execPath, args, {
      input: `${photo}\n`,
      encoding: 'utf8',
    });
    expect(status, stderr).toBe(0);
    return JSON.parse(stdout);
  };
  const { probabilities, ...all } = predict();
  expect(all.path).toBe(photo);
  const { top, ...two } = predict('--top-k', '2');
  expect(two).toEqual(all);
  const sorted = Object.entries<number>(probabilities).sort((a, b) => b[1] - a[1]);
  expect(top).toEqual(sorted.slice(0, 2).map(([label, probability]) => ({ label, probability })));
});
