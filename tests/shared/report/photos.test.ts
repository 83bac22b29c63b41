import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { makeThumbnails } from '../../../src/shared/report/photos.ts';
import { readPhotoFolder, writePhotoFolder } from '../../../src/shared/store/photos.ts';
import { newFolder } from '../../support/folders.ts';

async function photo(folder: string, path: string): Promise<{ path: string; sha256: string }> {
  const file = join(folder, path);
  await sharp({ create: { width: 40, height: 20, channels: 3, background: 'teal' } }).toFile(file);
  return { path, sha256: createHash('sha256').update(readFileSync(file)).digest('hex') };
}

describe('thumbnails', () => {
  it('are small square pictures inside the page', async () => {
    const folder = newFolder();
    const { uris, missing } = await makeThumbnails([await photo(folder, 'a.png')], folder);
    const [, data] = (uris.get('a.png') ?? '').split('data:image/webp;base64,');
    const { width, height } = await sharp(Buffer.from(data, 'base64')).metadata();
    expect([width, height, missing]).toEqual([96, 96, 0]);
  });

  it('leave out photos that are gone, have changed, are damaged or lie outside of the folder', async () => {
    const folder = newFolder();
    mkdirSync(join(folder, 'inside'));
    const outside = await photo(folder, 'outside.png');
    const changed = { ...(await photo(folder, 'inside/changed.png')), path: 'changed.png', sha256: 'f' };
    writeFileSync(join(folder, 'inside', 'text.png'), 'text');
    const damaged = { path: 'text.png', sha256: createHash('sha256').update('text').digest('hex') };
    const reasonOf = async (one: { path: string; sha256: string }) =>
      (await makeThumbnails([one], join(folder, 'inside'))).reason;
    expect(await reasonOf({ ...outside, path: '../outside.png' })).toContain('is outside of');
    expect(await reasonOf(changed)).toContain('has changed since');
    expect(await reasonOf(damaged)).toContain('cannot be decoded');
    expect(await reasonOf({ ...outside, path: 'gone.png' })).toContain('gone.png is not where it was');
    expect((await makeThumbnails([outside], join(folder, 'gone'))).reason).toContain('no longer in');
    expect((await makeThumbnails([outside], undefined)).reason).toContain('--images');
  });
});

describe('the folder of the photos', () => {
  it('is kept relative to the store, so that both can move', async () => {
    const store = newFolder();
    expect(await readPhotoFolder(store)).toBeUndefined();
    await writePhotoFolder(store, join(store, '..', 'photos'));
    expect(readFileSync(join(store, 'photos.json'), 'utf8')).toBe('{"root":"../photos"}\n');
    expect(await readPhotoFolder(store)).toBe(join(store, '..', 'photos'));
    writeFileSync(join(store, 'photos.json'), '{"root": 3}');
    await expect(readPhotoFolder(store)).rejects.toThrow('Expected text for root of');
  });
});
