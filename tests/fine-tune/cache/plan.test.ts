import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import {
  cacheBytes,
  checkDisk,
  checkMaxBytes,
  planCache,
  sizeText,
  wantedContents,
} from '../../../src/fine-tune/cache/plan.ts';
import type { ActivationLayout } from '../../../src/shared/store/activations/request.ts';

const layout: ActivationLayout = { shape: [7, 7, 320], dtype: 'float16', columns: [] };
const sha256 = (letter: string) => letter.repeat(64);
const image = (letter: string, views = 0, path = `${letter}.jpg`) => ({
  path,
  sha256: sha256(letter),
  views,
});

describe('a plan', () => {
  it('has each content once, with the views of all its copies', () => {
    const contents = wantedContents([image('a'), image('b', 1), image('a', 2, 'copy.jpg')]);
    expect(contents).toEqual([
      { sha256: sha256('a'), paths: ['a.jpg', 'copy.jpg'], views: [0, 1, 2] },
      { sha256: sha256('b'), paths: ['b.jpg'], views: [0, 1] },
    ]);
    const cached = new Set([`${sha256('a')}/0`, `${sha256('b')}/0`, `${sha256('b')}/1`]);
    const plan = planCache(contents, layout, (content) => cached.has(`${content.sha256}/${content.view}`));
    expect(plan.toCompute).toEqual([{ ...contents[0], views: [1, 2] }]);
    expect([plan.wanted.rows, plan.missing.rows]).toEqual([5, 2]);
  });

  it('says what activations take: 31,360 bytes each in float16, about half in int8', () => {
    const images = Array.from({ length: 1000 }, (_, i) => ({
      ...image('a'),
      sha256: `${i}`,
      path: 'photo.jpg',
    }));
    expect(sizeText(cacheBytes(images, layout))).toBe('31.4 MB');
    expect(sizeText(cacheBytes(images, { ...layout, dtype: 'int8' }))).toBe('16.4 MB');
    expect([sizeText(5000), sizeText(2.5e9)]).toEqual(['5.0 kB', '2.5 GB']);
  });

  it('refuses what --max-cache or the disk has no room for, unless nothing is missing', async () => {
    const contents = wantedContents([image('a'), image('b')]);
    const plan = planCache(contents, layout, () => false);
    expect(() => checkMaxBytes(plan, 60_000)).toThrow(
      'Expected at most 60.0 kB of activations (--max-cache) but 2 rows take 65.0 kB: cut nearer to the end (--from), take --cache-dtype int8, or fewer views',
    );
    checkMaxBytes(plan, 70_000);
    checkMaxBytes(
      planCache(contents, layout, () => true),
      1,
    );
    await checkDisk(plan, tmpdir());
    const huge = { ...plan, missing: { rows: 2, bytes: 2 ** 80 } };
    await expect(checkDisk(huge, tmpdir())).rejects.toThrow(
      /^Expected \d+\.\d GB free for activations on the disk of .* but it has \d+\.\d [kMG]B: give another --cache, cut nearer/,
    );
  });
});
