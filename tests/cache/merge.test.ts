/** Which stores `cache merge` joins, and in what order. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { mergeStores } from '../../src/cache/merge.ts';
import { MATHS_VERSION } from '../../src/shared/store/pipeline.ts';
import { openStore } from '../../src/shared/store/reader.ts';
import type { Pipeline } from '../../src/shared/store/schema.ts';
import { createStoreWriter, type StoreHeader } from '../../src/shared/store/writer.ts';
import { newFolder } from '../support/folders.ts';
import { pipeline } from '../support/pipeline.ts';
import { COLUMNS, row } from '../support/store-rows.ts';

interface Made {
  rows?: readonly number[];
  changes?: Partial<Pipeline>;
  header?: Partial<StoreHeader>;
  weight?: number;
  /** Of all rows. */
  labels?: string[];
  failed?: number;
  isComplete?: boolean;
}

/** A store of some of the fixture's rows. */
async function store({
  rows = [0, 1, 2],
  changes,
  header,
  weight,
  labels,
  failed = 0,
  isComplete = true,
}: Made = {}) {
  const dir = newFolder();
  const columns = header?.columns ?? COLUMNS;
  const writer = await createStoreWriter(dir, {
    pipeline: { ...pipeline(), ...changes },
    classes: ['a', 'b'],
    images: rows.length + failed,
    ...header,
    columns,
  });
  for (const number of rows) {
    const { record } = row(number);
    const vectors = columns.map(({ dimension }) => new Float32Array(dimension).fill(number));
    await writer.append(
      { ...record, ...(labels && { labels }), ...(weight !== undefined && { weight }) },
      vectors,
    );
  }
  await (isComplete ? writer.finish({ failed }) : writer.flush());
  return dir;
}

const free = () => join(newFolder(), 'merged');

describe('merging', () => {
  it.each<[string, Made]>([
    ['backbone', { changes: { backbone: 'vgg16' } }],
    ['weights with SHA-256', { changes: { weightsHash: 'b'.repeat(64) } }],
    ['size', { changes: { size: { width: 160, height: 224 } } }],
    ['preprocessing', { changes: { preprocessing: 'tf' } }],
    ['resize', { changes: { resize: 'bicubic' } }],
    ['precision', { changes: { precision: 'fp16' } }],
    ['dtype', { changes: { dtype: 'float16' } }],
    ['maths', { changes: { maths: MATHS_VERSION + 1 } }],
    ['pooling', { header: { columns: [COLUMNS[0]] } }],
    ['pooling', { header: { columns: [{ name: 'avg', dimension: 4 }, COLUMNS[1]] } }],
    ['views', { header: { augment: 'flip;seed=0' } }],
  ])('refuses stores that differ in %s, whichever comes first, and writes nothing', async (field, made) => {
    const [one, other] = [await store(), await store(made)];
    for (const dirs of [
      [one, other],
      [other, one],
    ]) {
      const out = free();
      await expect(mergeStores(dirs, out)).rejects.toThrow(
        new RegExp(`^Expected stores of one pipeline but .* differs from .*: ${field} [^,]*$`),
      );
      expect(existsSync(out)).toBe(false);
    }
  });

  it('joins what engines and versions made alike, in the order given, with the sum of what failed', async () => {
    const changes = { engine: { name: 'other', version: '9' }, version: '9.9.9', weights: 'elsewhere' };
    const one = await store({ rows: [5, 1], failed: 2 });
    const other = await store({ rows: [3, 1], changes, failed: 1, header: { classes: ['b', 'c'] } });
    const out = free();
    expect(await mergeStores([one, other], out)).toEqual({ out, stores: 2, rows: 4, failed: 3 });
    const merged = await openStore(out);
    expect(merged.manifest).toMatchObject({
      complete: true,
      shard: null,
      classes: ['a', 'b', 'c'],
      counts: { images: 7, rows: 4, failed: 3 },
    });
    const seen = [];
    for await (const part of merged.parts())
      for (const [index, path] of part.paths.entries())
        seen.push([path, part.features.get('avg')![3 * index]]);
    expect(seen).toEqual([5, 1, 3, 1].map((number) => [`class/${number}.jpg`, number]));
  });

  it('keeps the weight of each row; among rows with weights, one without counts once', async () => {
    const out = free();
    await mergeStores([await store({ rows: [1], weight: 2.5 }), await store({ rows: [2] })], out);
    for await (const { weights } of (await openStore(out)).parts()) expect([...weights!]).toEqual([2.5, 1]);
  });

  it('lists copies that the stores label differently', async () => {
    const [labelled, other] = [await store({ rows: [1] }), await store({ rows: [1], labels: ['b'] })];
    const out = free();
    await mergeStores([labelled, other], out);
    expect(readFileSync(join(out, 'conflicts.jsonl'), 'utf8')).toContain('"labels":["b"]');
    const agreeing = free();
    await mergeStores([labelled, await store({ rows: [1] })], agreeing);
    expect(existsSync(join(agreeing, 'conflicts.jsonl'))).toBe(false);
  });

  it('refuses a store whose extraction was interrupted', async () => {
    const unfinished = await store({ isComplete: false });
    await expect(mergeStores([await store(), unfinished], free())).rejects.toThrow(
      `Expected complete stores but ${unfinished} is not: run its extraction again to its end`,
    );
  });

  it('puts shards in their order and refuses one that is there twice, or of another division', async () => {
    const shard = (index: number, of: number) => store({ rows: [index], header: { shard: { index, of } } });
    const [one, two, three] = [await shard(1, 3), await shard(2, 3), await shard(3, 3)];
    const out = free();
    await mergeStores([three, one, two], out);
    for await (const { paths } of (await openStore(out)).parts())
      expect(paths).toEqual([1, 2, 3].map((number) => `class/${number}.jpg`));
    await expect(mergeStores([one, two, two, three], free())).rejects.toThrow(
      'shard 2 is missing or duplicated',
    );
    await expect(mergeStores([one, three], free())).rejects.toThrow('shard 2 is missing or duplicated');
    await expect(mergeStores([one, two, await shard(3, 4)], free())).rejects.toThrow('Expected a shard of 3');
    await expect(mergeStores([one, two, three, await store()], free())).rejects.toThrow(
      'Expected a shard of 3',
    );
  });

  it('writes into none of the stores, and over no store', async () => {
    const [one, other] = [await store(), await store({ rows: [4] })];
    await expect(mergeStores([one, other], join(one, '.'))).rejects.toThrow('is one of the stores to merge');
    await expect(mergeStores([one], other)).rejects.toThrow(
      'already holds a feature store: give another folder',
    );
    expect((await openStore(other)).rows).toBe(1);
  });
});
