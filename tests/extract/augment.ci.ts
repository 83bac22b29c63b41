import { cpSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { random } from '../../src/shared/random.ts';
import { openStore } from '../../src/shared/store/reader.ts';
import { permafrost } from '../support/command.ts';
import { newFolder } from '../support/folders.ts';

const SPEC = 'flip,rotate=30,shift=0.2,shear=10,zoom=0.2,brightness=0.2';
let data: string;

beforeAll(async () => {
  data = newFolder();
  const stream = random(3, 'photos');
  for (let i = 0; i < 6; i++) {
    const pixels = Buffer.from(Array.from({ length: 40 * 30 * 3 }, () => stream.integer(256)));
    const folder = join(data, 'ab'[i % 2]);
    mkdirSync(folder, { recursive: true });
    const image = sharp(pixels, { raw: { width: 40, height: 30, channels: 3 } });
    await image.png().toFile(join(folder, `${i}.png`));
  }
});

/** Runs extract on a small, seeded backbone; `computed` and `reused` of its summary. */
async function extract(
  out: string,
  args: string[],
  images = data,
): Promise<{ computed: number; reused: number }> {
  // Of a batch of another size the last bits may differ, since engines sum in another order.
  const small = ['--weights', 'none', '--backbone', 'mobilenet_0.25', '--size', '64x48', '--batch-size', '1'];
  const run = await permafrost(['extract', '--data', images, '--out', out, ...small, '--json', ...args]);
  expect(run.stderr).not.toMatch(/\n\s+at /);
  expect(run.status, run.stderr).toBe(0);
  return { computed: Number(run.summary.computed), reused: Number(run.summary.reused) };
}

/** Features by path and view, each as text: exact to the last bit. */
async function rowsOf(dir: string): Promise<Map<string, string>> {
  const rows = new Map<string, string>();
  for await (const { rows: count, paths, views, features } of (await openStore(dir)).parts()) {
    const avg = features.get('avg')!;
    const width = avg.length / count;
    for (let i = 0; i < count; i++) {
      const bytes = Buffer.from(avg.slice(i * width, (i + 1) * width).buffer);
      rows.set(`${paths[i]} ${views[i]}`, bytes.toString('base64'));
    }
  }
  return rows;
}

describe('extract --augment', () => {
  it('stores the same views whatever the concurrency, the order and the shard', async () => {
    const [plain, whole] = [newFolder(), newFolder()];
    await extract(plain, []);
    expect(await extract(whole, ['--augment', `2:${SPEC}`])).toEqual({ computed: 6, reused: 0 });
    const rows = await rowsOf(whole);
    expect([...rows.keys()].slice(0, 4)).toEqual(['a/0.png 0', 'a/0.png 1', 'a/0.png 2', 'a/2.png 0']);
    expect(new Set(rows.values()).size).toBe(18);
    for (const [row, features] of await rowsOf(plain)) expect(rows.get(row)).toBe(features);

    const shards = newFolder();
    const flags = ['--concurrency', '5', '--augment', `2:${SPEC}`];
    for (const shard of ['1/2', '2/2']) await extract(shards, [...flags, '--shard', shard]);
    const merged = join(shards, 'merged');
    const folders = ['shard-001-of-002', 'shard-002-of-002'].map((name) => join(shards, name));
    expect((await permafrost(['cache', 'merge', ...folders, '--out', merged])).status).toBe(0);
    expect([...(await rowsOf(merged))]).toEqual([...rows]);
    expect((await openStore(merged)).manifest.augment).toBe(`${SPEC};seed=0`);
    expect((await permafrost(['cache', 'verify', merged])).status).toBe(0);
  });

  it('computes what a change of views makes missing, and nothing else', async () => {
    const out = newFolder();
    const fresh = newFolder();
    await extract(out, ['--augment', '1:rotate=30']);
    const before = await rowsOf(out);
    expect(await extract(out, ['--augment', '1:rotate=30'])).toEqual({ computed: 0, reused: 6 });
    expect(await extract(out, ['--augment', '2:rotate=30'])).toEqual({ computed: 6, reused: 0 });
    const more = await rowsOf(out);
    expect(more.size).toBe(18);
    for (const [row, features] of before) expect(more.get(row)).toBe(features);

    // Other views replace those that were there; the images themselves are not computed again.
    await extract(out, ['--augment', '1:rotate=30', '--seed', '1']);
    await extract(fresh, ['--augment', '1:rotate=30', '--seed', '1']);
    const other = await rowsOf(out);
    expect([...other]).toEqual([...(await rowsOf(fresh))]);
    expect(other.get('a/0.png 0')).toBe(before.get('a/0.png 0'));
    expect(other.get('a/0.png 1')).not.toBe(before.get('a/0.png 1'));

    expect(await extract(out, [])).toEqual({ computed: 0, reused: 6 });
    expect((await rowsOf(out)).size).toBe(6);
    expect((await openStore(out)).manifest.augment).toBeNull();
  });

  it('follows images that move, change and go', async () => {
    const out = newFolder();
    const mine = newFolder();
    cpSync(data, mine, { recursive: true });
    const run = () => extract(out, ['--augment', '2:flip,zoom=0.3'], mine);
    await run();
    const before = await rowsOf(out);
    renameSync(join(mine, 'a/0.png'), join(mine, 'b/moved.png'));
    rmSync(join(mine, 'a/2.png'));
    writeFileSync(
      join(mine, 'a/4.png'),
      await sharp({ create: { width: 9, height: 9, channels: 3, background: 'red' } })
        .png()
        .toBuffer(),
    );
    expect(await run()).toEqual({ computed: 1, reused: 4 });
    const rows = await rowsOf(out);
    expect(rows.size).toBe(15);
    for (const view of [0, 1, 2]) {
      expect(rows.get(`b/moved.png ${view}`)).toBe(before.get(`a/0.png ${view}`));
      expect(rows.get(`a/4.png ${view}`)).not.toBe(before.get(`a/4.png ${view}`));
    }
  });

  it('refuses a seed without views', async () => {
    const run = await permafrost(['extract', '--data', data, '--seed', '1']);
    expect(run.status).toBe(2);
    expect(run.stderr).toContain('--seed needs --augment, whose views it draws');
  });
});
