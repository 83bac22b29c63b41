/** Stores of more columns than a run requests, and what a run that added some left behind. */
import { copyFileSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDataset } from '../../src/extract/dataset/dataset.ts';
import { openStore } from '../../src/shared/store/reader.ts';
import { COUNT, DEPTH, data, extract, features } from '../support/extracted-columns.ts';
import { newFolder } from '../support/folders.ts';

const partsOf = (out: string) => readdirSync(out).filter((name) => name.endsWith('.arrow'));

describe('a store of the last layer', () => {
  it('is not touched by a run that asks for no more', async () => {
    const out = join(newFolder(), 'store');
    await extract(out, ['avg']);
    await extract(out, ['avg', DEPTH], { stopAfter: 6 });
    expect((await extract(out, ['avg'])).summary).toMatchObject({ computed: 0, reused: COUNT });
    expect(existsSync(join(out, 'adding.json'))).toBe(false);
    expect(partsOf(out)).toHaveLength(1);
  });

  it('starts anew where what an earlier run left is damaged', async () => {
    const out = join(newFolder(), 'store');
    await extract(out, ['avg']);
    await extract(out, ['avg', DEPTH], { stopAfter: 6 });
    copyFileSync(join(out, 'manifest.json'), join(out, 'adding.json'));
    expect((await extract(out, ['avg', DEPTH])).summary).toMatchObject({ computed: COUNT });
    await extract(out, ['max', 'avg', DEPTH], { stopAfter: 6 });
    rmSync(join(out, 'adding.json'));
    expect((await extract(out, ['max', 'avg', DEPTH])).summary).toMatchObject({ computed: COUNT });
    expect([...(await features(out)).keys()]).toEqual(['max', 'avg', DEPTH]);
  });
});

describe('a store of several columns', () => {
  it('keeps them where fewer are requested, also for new images', async () => {
    const out = join(newFolder(), 'store');
    await extract(out, ['avg', DEPTH], {
      dataset: await openDataset({ data }).then((all) => ({ ...all, images: all.images.slice(0, 6) })),
    });
    const { said, summary } = await extract(out, ['avg']);
    expect(said[0]).toBe(`${out}: keeps the columns of earlier runs, ${DEPTH}, too`);
    expect(summary).toMatchObject({ computed: 6, reused: 6, columns: 2 });
    const fresh = join(newFolder(), 'fresh');
    await extract(fresh, [DEPTH, 'avg']);
    const [here, there] = [await features(out), await features(fresh)];
    expect(here.get(DEPTH)).toEqual(there.get(DEPTH));
    expect(here.get('avg')).toEqual(there.get('avg'));
    expect((await extract(fresh, ['avg', DEPTH])).summary).toMatchObject({ computed: 0 });
  });

  it('is found beside the usual folder', async () => {
    const root = newFolder();
    const usual = join(root, 'photos');
    await extract(usual, ['avg']);
    const beside = (await extract(usual, ['avg'], { besideOthers: true, dtype: 'float16' })).summary?.out;
    expect(beside).toMatch(/photos-[0-9a-f]{8}$/);
    const again = await extract(usual, ['avg', DEPTH], { besideOthers: true, dtype: 'float16' });
    expect(again.summary).toMatchObject({ out: beside, columns: 2 });
    expect((await openStore(usual)).columns).toHaveLength(1);
  });
});
