/** Files whose names are there in another Unicode form, in another case or with another extension. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findFile, namesAmong, namesBelow, readNamedFile } from '../../../src/shared/images/names.ts';
import { newFolder } from '../../support/folders.ts';

const NFC = 'Caf\u00e9';
const NFD = 'Cafe\u0301';
const PATHS = [
  `${NFD}/${NFC} ${NFD}.jpg`,
  'x/ISIC_1.jpg',
  'x/ISIC_1.txt',
  'x/Two.PNG',
  'x/two.png',
  'top.jpeg',
];

function folder(paths: readonly string[]): string {
  const root = newFolder();
  for (const path of paths) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), path);
  }
  return root;
}

describe.each([
  ['on disk', (paths: readonly string[]) => namesBelow(folder(paths))],
  ['of an archive', namesAmong],
])('names %s', (_, namesOf) => {
  it('are found in any Unicode form, each folder in its own', async () => {
    const names = namesOf(PATHS);
    for (const path of [PATHS[0], PATHS[0].normalize('NFC'), PATHS[0].normalize('NFD')])
      expect(await names.find(path)).toBe(PATHS[0]);
    expect(await names.find('x/ISIC_1.jpg')).toBe('x/ISIC_1.jpg');
    expect(await names.find(`${NFC}/other.jpg`)).toBeUndefined();
    expect(await names.find('nowhere/é.jpg')).toBeUndefined();
  });

  it.skipIf(process.platform === 'darwin')(
    'are those of their bytes where both forms are there',
    async () => {
      const both = [`${NFC}.jpg`, `${NFD}.jpg`];
      const names = namesOf(both);
      for (const path of both) expect(await names.find(path)).toBe(path);
    },
  );

  it.each([
    ['x/ISIC_1', ['x/ISIC_1.jpg']],
    ['x/isic_1.JPG', ['x/ISIC_1.jpg']],
    ['x/ISIC_1.png', ['x/ISIC_1.jpg']],
    ['X/ISIC_1.jpg', ['x/ISIC_1.jpg']],
    ['top', ['top.jpeg']],
    ['x/ISIC_2', []],
    ['y/ISIC_1.jpg', []],
  ])('near %s are told', async (path, near) => {
    expect(await namesOf(PATHS).near(path)).toEqual(near);
  });
});

it('a file is read by its name in either form, wherever it differs', async () => {
  const root = folder([`${NFD}/${NFD}.jpg`]);
  const given = join(root, NFC, `${NFC}.jpg`);
  expect(await findFile(given)).toBe(join(root, NFD, `${NFD}.jpg`));
  expect(String(await readNamedFile(given))).toBe(`${NFD}/${NFD}.jpg`);
  await expect(readNamedFile(join(root, NFC, 'other.jpg'))).rejects.toMatchObject({ code: 'ENOENT' });
  expect(await findFile(join(root, 'other.jpg'))).toBeUndefined();
});
