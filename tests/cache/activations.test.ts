/** `permafrost cache` knows activations, those beside a store and those elsewhere. */
import { cpSync, existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findStores } from '../../src/cache/find.ts';
import { listActivations, listLines } from '../../src/cache/list.ts';
import { mergeActivations } from '../../src/cache/merge-activations.ts';
import { pruneStores } from '../../src/cache/prune.ts';
import { openActivationFolder } from '../../src/shared/store/activations/folder.ts';
import { openActivations } from '../../src/shared/store/activations/reader.ts';
import {
  type ActivationPipeline,
  activationFolder,
  layoutOf,
} from '../../src/shared/store/activations/schema.ts';
import { requestOf } from '../../src/shared/store/activations/stored.ts';
import { ACTIVATION_COLUMNS, activationPipeline, writeActivations } from '../support/activation-rows.ts';
import { permafrost } from '../support/command.ts';
import { newFolder } from '../support/folders.ts';
import { storeOf } from '../support/store-rows.ts';

const columns = ACTIVATION_COLUMNS;

/** Caches activations of `count` images in a folder of `parent`. */
async function cacheIn(
  parent: string,
  count: number,
  changes: Partial<ActivationPipeline> = {},
): Promise<string> {
  const dir = join(parent, activationFolder({ pipeline: activationPipeline(changes), columns }));
  await writeActivations(dir, count, changes);
  return dir;
}

/** A store with activations beside it. */
async function storeWith(changes: Partial<ActivationPipeline> = {}): Promise<{ store: string; dir: string }> {
  const store = join(newFolder(), 'store');
  cpSync(await storeOf(3), store, { recursive: true });
  return { store, dir: await cacheIn(join(store, 'activations'), 6, changes) };
}

describe('cache', () => {
  it('ls lists activations below their store, with their size', async () => {
    const { store, dir } = await storeWith({ augment: 'flip;seed=0' });
    const { stdout, status } = await permafrost(['cache', 'ls', store]);
    expect(status).toBe(0);
    const [first, second] = stdout.split('\n');
    expect(first).toMatch(new RegExp(`^${store}: 3 rows, `));
    expect(second).toMatch(
      new RegExp(
        `^${dir}: 6 rows, resnet50 224x160 conv4_block6_out\\[3x3x5\\] float16, views flip;seed=0, 0\\.0 MB, complete, `,
      ),
    );
    const { summary } = await permafrost(['cache', 'ls', store, '--json']);
    const bytes = readFileSync(join(dir, 'part-00000.arrow')).length;
    expect(summary.activations).toMatchObject([
      { dir, rows: 6, bytes, layer: 'conv4_block6_out', dtype: 'float16' },
    ]);
  });

  it('verify finds activations that were altered', async () => {
    const { store, dir } = await storeWith();
    const part = join(dir, 'part-00000.arrow');
    expect((await permafrost(['cache', 'verify', store])).stdout).toContain(`${dir}: 6 rows, no damage`);
    writeFileSync(part, readFileSync(part).fill(1, 500, 501));
    const { status, stdout, stderr } = await permafrost(['cache', 'verify', store]);
    expect(stdout).toContain(`${dir}: Damaged activation cache: ${part} has SHA-256 `);
    expect(stderr).toContain('1 of 2 stores is damaged');
    expect(status).toBe(1);
    writeFileSync(join(dir, 'manifest.json'), '{\n  "format": "permafrost-activations", ');
    expect((await permafrost(['cache', 'verify', dir])).stdout).toContain('Expected JSON in');
  });

  it('prune removes activations that no run uses any more, and what a crash left', async () => {
    const live = await storeWith();
    const elsewhere = await cacheIn(newFolder(), 4, { weightsHash: 'b'.repeat(64) });
    const dead = [
      await cacheIn(join(live.store, 'activations'), 2, { maths: 1 }),
      await cacheIn(join(live.store, 'activations'), 2, { weightsHash: 'b'.repeat(64) }),
    ];
    const renamed = join(newFolder(), 'renamed');
    await writeActivations(renamed, 2);
    for (const name of ['part-00099.arrow', 'part-00100.arrow.tmp']) writeFileSync(join(live.dir, name), 'x');
    const found = await findStores([live.store, elsewhere, renamed]);
    const lines = listLines([], await listActivations(found.activations));
    expect(lines.filter((line) => line.includes(', unused: '))).toHaveLength(3);
    expect(lines.join('\n')).toContain('unused: computed by version 1 of the arithmetic, now ');
    expect(lines.join('\n')).toContain('unused: its store has another weights with SHA-256 bbb');
    const looked = await pruneStores(found, { dryRun: true });
    const { removed } = await pruneStores(found, { dryRun: false });
    expect(removed).toEqual(looked.removed);
    expect(removed).toHaveLength(3 * 2 + 2);
    for (const dir of [...dead, renamed]) expect(readdirSync(dir)).toEqual([]);
    for (const dir of [live.dir, elsewhere])
      expect(readdirSync(dir)).toEqual(['manifest.json', 'part-00000.arrow']);
    const then = new Date(Date.now() - 40 * 24 * 3600 * 1000);
    utimesSync(join(live.dir, 'manifest.json'), then, then);
    await pruneStores(await findStores([live.store]), { dryRun: false, olderThanDays: 30 });
    expect(existsSync(join(live.dir, 'manifest.json'))).toBe(false);
    expect(existsSync(join(live.store, 'manifest.json'))).toBe(true);
  });

  it('merge joins activations of one pipeline, to the bit', async () => {
    for (const dtype of ['int8', 'float16', 'float32'] as const) {
      const shards = [newFolder(), newFolder()];
      await cacheIn(join(shards[0], 'activations'), 5, { dtype });
      await cacheIn(join(shards[1], 'activations'), 8, { dtype });
      const out = newFolder();
      const { activations } = await findStores(shards);
      const [merged] = await mergeActivations(activations, out);
      const name = activationFolder({ pipeline: activationPipeline({ dtype }), columns });
      // The first five are the same images.
      expect(merged).toEqual({ out: join(out, 'activations', name), folders: 2, rows: 8 });
      const part = (dir: string) => readFileSync(join(dir, 'part-00000.arrow'));
      expect(part(merged.out)).toEqual(part(join(shards[1], 'activations', name)));
    }
  });

  it('merge keeps pipelines apart, and takes activations along with their stores', async () => {
    const [one, other] = [await storeWith(), await storeWith({ dtype: 'int8' })];
    const out = join(newFolder(), 'merged');
    const { summary, status, stderr } = await permafrost([
      ...['cache', 'merge', one.store, other.store, '--out', out, '--json'],
    ]);
    expect(status, stderr).toBe(0);
    expect(summary).toMatchObject({ out, stores: 2, activations: [{ rows: 6 }, { rows: 6 }] });
    expect(readdirSync(join(out, 'activations'))).toHaveLength(2);
    const origin = { pipeline: activationPipeline({ dtype: 'int8' }), columns };
    const folder = await openActivationFolder(join(out, 'activations', activationFolder(origin)), origin);
    await folder.close();
    expect(openActivations(requestOf(layoutOf(origin), folder.parts)).rows).toBe(6);
  });
});
