import { describe, expect, it } from 'vitest';
import { openPhotos } from '../../../src/shared/images/photos.ts';
import { folderOf, tarGzOf, tarOf, zipOf } from '../../support/archives.ts';

const FILES = { 'flowers/a/1.jpg': 'one', 'flowers/b/2.jpg': 'two', 'notes/a/1.jpg': 'another' };

describe('the photos of a store', () => {
  for (const [kind, make] of Object.entries({ zip: zipOf, tar: tarOf, 'tar.gz': tarGzOf })) {
    it(`are read from a ${kind} archive, whatever folder they lie in`, async () => {
      const photos = (await openPhotos(await make(FILES), ['a/1.jpg', 'b/2.jpg']))!;
      expect(`${await photos.read('a/1.jpg')} ${await photos.read('b/2.jpg')}`).toBe('one two');
      await expect(photos.read('a/3.jpg')).rejects.toMatchObject({ code: 'ENOENT' });
      await photos.close();
      const whole = (await openPhotos(await make(FILES), ['notes/a/1.jpg']))!;
      expect(`${await whole.read('notes/a/1.jpg')}`).toBe('another');
      await whole.close();
    });
  }

  it('are read from a folder, and never from outside of it', async () => {
    const folder = folderOf({ ...FILES, 'notes.txt': 'x' });
    const photos = (await openPhotos(`${folder}/flowers`, []))!;
    expect(`${await photos.read('a/1.jpg')}`).toBe('one');
    await expect(photos.read('../notes/a/1.jpg')).rejects.toThrow(/^outside of /);
    await photos.close();
    expect(await openPhotos(`${folder}/gone`, [])).toBeUndefined();
    expect(await openPhotos(`${folder}/notes.txt`, [])).toBeUndefined();
  });
});
