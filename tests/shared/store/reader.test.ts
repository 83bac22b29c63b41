/** Why a folder cannot be opened as a feature store. */
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openStore } from '../../../src/shared/store/reader.ts';
import { newFolder } from '../../support/folders.ts';
import { storeOf } from '../../support/store-rows.ts';

it('a manifest that cannot be read is said to be so, with the reason', async () => {
  const dir = newFolder();
  mkdirSync(join(dir, 'manifest.json'));
  await expect(openStore(dir)).rejects.toMatchObject({
    name: 'InputError',
    message: expect.stringContaining(`Cannot read ${join(dir, 'manifest.json')}: `),
  });
});

it('a file is no store, and a folder of stores says which there are', async () => {
  const dir = newFolder();
  writeFileSync(join(dir, 'file'), '');
  await expect(openStore(join(dir, 'file'))).rejects.toThrow('it is a file, not a folder');
  await expect(openStore(dir)).rejects.toThrow(`No feature store at ${dir}: run permafrost extract first`);
  const store = join(dir, 'resnet50');
  cpSync(await storeOf(1), store, { recursive: true });
  await expect(openStore(dir)).rejects.toThrow(`No feature store at ${dir} (did you mean ${store}?)`);
});
