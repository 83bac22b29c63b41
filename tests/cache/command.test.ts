/** `permafrost cache` as it is installed. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { openStore } from '../../src/shared/store/reader.ts';
import { permafrost } from '../support/command.ts';
import { newFolder } from '../support/folders.ts';
import { storeOf } from '../support/store-rows.ts';

/** Class folders with `count` images, some of them copies, one of them no image. */
async function photos(count: number): Promise<string> {
  const root = newFolder();
  for (let i = 0; i < count; i++) {
    const folder = join(root, 'abc'[i % 3]);
    mkdirSync(folder, { recursive: true });
    // Every fourth is a copy of the first.
    const colour = { r: i % 4 === 0 ? 0 : i * 20, g: 40, b: 90 };
    const image = sharp({ create: { width: 32, height: 24, channels: 3, background: colour } });
    writeFileSync(join(folder, `${i}.png`), await image.png().toBuffer());
  }
  writeFileSync(join(root, 'b', 'broken.png'), 'no image');
  return root;
}

async function contentOf(dir: string) {
  const store = await openStore(dir);
  const rows = [];
  for await (const part of store.parts()) {
    const avg = part.features.get('avg')!;
    const width = avg.length / part.rows;
    for (let i = 0; i < part.rows; i++) {
      const features = Buffer.from(avg.slice(i * width, (i + 1) * width).buffer).toString('hex');
      rows.push([part.paths[i], part.sha256[i], part.labels[i], part.splits[i], part.phashes[i], features]);
    }
  }
  const { classes, counts, columns, shard, complete } = store.manifest;
  return { rows, classes, counts, columns, shard, complete };
}

describe('cache merge', () => {
  it('refuses where a list of failed images is there but cannot be read', async () => {
    const stores = [await storeOf(3), await storeOf(4)];
    mkdirSync(join(stores[1], 'errors.jsonl'));
    const { status, stderr } = await permafrost(['cache', 'merge', ...stores, '--out', newFolder()]);
    expect(stderr).toContain(`Cannot read ${join(stores[1], 'errors.jsonl')}: it is a folder (EISDIR)`);
    expect(status).toBe(1);
  });

  it('makes of shards the store that one run makes, row for row', async () => {
    const data = await photos(13);
    const folder = newFolder();
    const args = ['extract', '--data', data, '--weights', 'none', '--size', '64x48'];
    const [whole, shared] = [join(folder, 'whole'), join(folder, 'shared')];
    await permafrost([...args, '--out', whole]);
    for (const shard of ['2/3', '1/3', '3/3']) {
      const { status, stderr } = await permafrost([...args, '--out', shared, '--shard', shard]);
      expect(status, stderr).toBe(0);
    }
    expect(readdirSync(shared)).toEqual(['shard-001-of-003', 'shard-002-of-003', 'shard-003-of-003']);
    const merged = await permafrost(['cache', 'merge', shared, '--json']);
    expect(merged.status, merged.stderr).toBe(0);
    expect(merged.summary).toEqual({ out: shared, stores: 3, rows: 13, failed: 1, activations: [] });
    expect(await contentOf(shared)).toEqual(await contentOf(whole));
    expect(readFileSync(join(shared, 'errors.jsonl'), 'utf8')).toBe(
      readFileSync(join(whole, 'errors.jsonl'), 'utf8'),
    );
    // The merged store is one like any other: nothing is left to compute.
    const again = await permafrost([...args, '--out', shared, '--json']);
    expect(again.summary).toMatchObject({ computed: 0, reused: 13 });
  });

  it('refuses shards that are missing, and stores that do not fit', async () => {
    const data = await photos(6);
    const folder = newFolder();
    const args = ['extract', '--data', data, '--weights', 'none', '--size', '64x48', '--out', folder];
    await permafrost([...args, '--shard', '1/2']);
    const missing = await permafrost(['cache', 'merge', folder]);
    expect(missing.status).toBe(1);
    expect(missing.stderr).toContain('Expected each of 2 shards once but shard 2 is missing or duplicated');
    const [one, other] = [await storeOf(4), join(folder, 'shard-001-of-002')];
    const mixed = await permafrost(['cache', 'merge', one, other, '--out', join(newFolder(), 'x')]);
    expect(mixed.stderr).toContain('Expected a shard of 2');
    const taken = await permafrost(['cache', 'merge', one, '--out', await storeOf(2)]);
    expect(taken.stderr).toContain('already holds a feature store: give another folder');
  });

  it('joins stores that are no shards in the order given', async () => {
    const [one, other] = [await storeOf(3), await storeOf(5)];
    const out = join(newFolder(), 'joined');
    const { summary } = await permafrost(['cache', 'merge', one, other, '--out', out, '--json']);
    expect(summary).toMatchObject({ rows: 8, stores: 2 });
    expect((await openStore(out)).rows).toBe(8);
  });
});

describe('cache', () => {
  it('ls lists the stores below a folder', async () => {
    const root = newFolder();
    cpSync(await storeOf(5), join(root, 'photos', 'resnet50'), { recursive: true });
    mkdirSync(join(root, 'other'));
    writeFileSync(join(root, 'other', 'manifest.json'), '{}');
    const { stdout, status } = await permafrost(['cache', 'ls', root]);
    expect(status).toBe(0);
    expect(stdout).toContain(`${join(root, 'photos', 'resnet50')}: 5 rows, resnet50 224x160 avg[3] max[2], `);
    expect(stdout).toContain(`${join(root, 'other')}: Expected "permafrost-features" for format`);
    const { summary } = await permafrost(['cache', 'ls', root, '--json']);
    expect(summary.stores).toHaveLength(2);
  });

  it('verify finds what was altered', async () => {
    const dir = await storeOf(10);
    expect((await permafrost(['cache', 'verify', dir])).status).toBe(0);
    const path = join(dir, 'part-00001.arrow');
    const bytes = readFileSync(path);
    bytes[100] ^= 1;
    writeFileSync(path, bytes);
    const { status, stdout, stderr } = await permafrost(['cache', 'verify', dir]);
    expect(status).toBe(1);
    expect(stdout).toContain('part-00001.arrow has SHA-256');
    expect(stderr).toContain('1 of 1 store is damaged');
  });

  it('prune removes what a crash left, and old stores when asked to', async () => {
    const dir = await storeOf(10);
    for (const name of [
      'part-00099.arrow',
      'part-00100.arrow.tmp',
      'manifest.json.tmp',
      'mine.txt',
      'mine.tmp',
    ])
      writeFileSync(join(dir, name), 'x');
    const before = readdirSync(dir);
    const looked = await permafrost(['cache', 'prune', dir, '--dry-run', '--json']);
    expect(looked.summary.removed).toHaveLength(3);
    expect(readdirSync(dir)).toEqual(before);
    await permafrost(['cache', 'prune', dir]);
    expect(readdirSync(dir)).toEqual([
      'manifest.json',
      'mine.tmp',
      'mine.txt',
      'part-00000.arrow',
      'part-00001.arrow',
      'part-00002.arrow',
    ]);
    expect((await permafrost(['cache', 'verify', dir])).status).toBe(0);
    const then = new Date(Date.now() - 40 * 24 * 3600 * 1000);
    utimesSync(join(dir, 'manifest.json'), then, then);
    await permafrost(['cache', 'prune', dir, '--older-than', '50']);
    expect(existsSync(join(dir, 'manifest.json'))).toBe(true);
    await permafrost(['cache', 'prune', dir, '--older-than', '30']);
    expect(readdirSync(dir)).toEqual(['mine.tmp', 'mine.txt']);
  });

  it('prune leaves alone what only looks like an old store', async () => {
    const then = new Date(Date.now() - 40 * 24 * 3600 * 1000);
    const [foreign, damaged] = [newFolder(), await storeOf(3)];
    writeFileSync(join(foreign, 'manifest.json'), '{"name": "another program"}');
    writeFileSync(join(damaged, 'manifest.json'), '{"format": "permafrost-fea');
    for (const dir of [foreign, damaged]) {
      utimesSync(join(dir, 'manifest.json'), then, then);
      const before = readdirSync(dir);
      const { summary } = await permafrost(['cache', 'prune', dir, '--older-than', '30', '--json']);
      expect(summary).toEqual({ removed: [], inUse: [], bytes: 0 });
      expect(readdirSync(dir)).toEqual(before);
    }
  });

  it.each(['merge', 'verify'])('%s takes no folder without a store for one with', async (action) => {
    const [store, empty] = [await storeOf(3), newFolder()];
    const out = action === 'merge' ? ['--out', join(newFolder(), 'out')] : [];
    const { status, stderr } = await permafrost(['cache', action, store, empty, ...out]);
    expect(stderr).toContain(`No feature store at or below ${empty}`);
    expect(status).toBe(1);
  });

  it.each([
    [['cache'], 'Missing action: one of ls, verify, merge, prune'],
    [['cache', 'lst'], 'Expected one of ls, verify, merge, prune for permafrost cache but received "lst"'],
    [['cache', 'ls', '--dry-run'], '--dry-run cannot be combined with cache ls'],
    [['cache', 'prune', '.', '--older-than', 'x'], 'for --older-than but received "x"'],
    [['cache', 'prune', '.', '--dry-run=yes'], 'Expected true or false for --dry-run but received "yes"'],
    [['cache', 'merge', '.', '--out', ''], 'Expected a path for --out but received ""'],
  ])('%j is refused with status 2', async (args, message) => {
    const { status, stderr } = await permafrost(args, { cwd: await storeOf(1) });
    expect(stderr).toContain(message);
    expect(status).toBe(2);
  });
});
