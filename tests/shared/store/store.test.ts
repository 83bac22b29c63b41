import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RowRecord } from '../../../src/shared/store/part-buffer.ts';
import { openStore, type StorePart } from '../../../src/shared/store/reader.ts';
import { type StoreManifest, sealManifest } from '../../../src/shared/store/schema.ts';
import { readStoredParts } from '../../../src/shared/store/stored-parts.ts';
import { createStoreWriter } from '../../../src/shared/store/writer.ts';
import { newFolder } from '../../support/folders.ts';
import { pipeline } from '../../support/pipeline.ts';
import { COLUMNS, row, storeOf, writerOf } from '../../support/store-rows.ts';

async function allParts(dir: string): Promise<StorePart[]> {
  const parts: StorePart[] = [];
  for await (const part of (await openStore(dir)).parts()) parts.push(part);
  return parts;
}

async function allRows(dir: string) {
  return (await allParts(dir)).flatMap((part) =>
    part.paths.map((path, i) => ({
      record: {
        path,
        sha256: part.sha256[i],
        labels: part.labels[i],
        split: part.splits[i],
        view: part.views[i],
        group: part.groups[i],
      },
      features: COLUMNS.map(({ name, dimension }) =>
        part.features.get(name)!.slice(i * dimension, (i + 1) * dimension),
      ),
    })),
  );
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

describe('a feature store', () => {
  it('gives back any rows, whatever their names and labels', async () => {
    const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 });
    const record = fc.record({
      path: text,
      labels: fc.uniqueArray(text, { maxLength: 3 }),
      split: fc.constantFrom('train' as const, 'val' as const, 'test' as const, null),
      view: fc.integer({ min: 0, max: 32767 }),
      group: fc.option(text),
    });
    const rows = fc.array(fc.tuple(record, fc.array(fc.float(), { minLength: 5, maxLength: 5 })), {
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(rows, fc.integer({ min: 1, max: 5 }), async (wanted, flushRows) => {
        const dir = newFolder();
        const writer = await writerOf(dir, { flushRows, partBytes: 60 });
        const expected: { record: RowRecord; features: Float32Array[] }[] = [];
        for (const [i, [fields, values]] of wanted.entries()) {
          const added = {
            record: { ...fields, sha256: row(i).record.sha256 },
            features: [Float32Array.from(values.slice(0, 3)), Float32Array.from(values.slice(3))],
          };
          await writer.append(added.record, added.features);
          expected.push(added);
        }
        await writer.finish({ failed: 0 });
        expect(await allRows(dir)).toEqual(expected);
        await rm(dir, { recursive: true });
      }),
      { numRuns: 25 },
    );
  });

  it('rounds to half precision when asked to', async () => {
    const dir = newFolder();
    const writer = await writerOf(dir, {}, 'float16');
    await writer.append(row(1).record, [Float32Array.of(0.1, -65504, 2 ** -24), Float32Array.of(2049, 2051)]);
    await writer.finish({ failed: 0 });
    const [part] = await allParts(dir);
    expect([...part.features.get('avg')!]).toEqual([0.0999755859375, -65504, 2 ** -24]);
    expect([...part.features.get('max')!]).toEqual([2048, 2052]);
    await writer.append(row(2).record, [Float32Array.of(1, 2, 65520), Float32Array.of(1, 2)]);
    await expect(writer.flush()).rejects.toThrow('--dtype float16 but received 65520');
  });

  it('keeps to full parts and leaves nothing else behind', async () => {
    const dir = await storeOf(10, 4);
    const { manifest } = await openStore(dir);
    expect(manifest).toMatchObject({ complete: true, counts: { images: 10, rows: 10, failed: 0 } });
    expect(manifest.parts.map(({ rows }) => rows)).toEqual([4, 4, 2]);
    expect(readdirSync(dir).sort()).toEqual(
      ['manifest.json', ...manifest.parts.map(({ file }) => file)].sort(),
    );
    for (const { file, bytes } of manifest.parts) expect(statSync(join(dir, file)).size).toBe(bytes);
  });

  it('has what was flushed after a crash, marked as incomplete', async () => {
    const dir = newFolder();
    const writer = await writerOf(dir, { flushRows: 2 });
    for (const i of numbers(0, 5)) await writer.append(row(i).record, row(i).features);
    // No finish(): the process is gone.
    expect((await openStore(dir)).manifest.complete).toBe(false);
    expect(await allRows(dir)).toEqual(numbers(0, 4).map(row));
  });

  it('merges many small commits into full parts', async () => {
    const dir = newFolder();
    const writer = await writerOf(dir, { flushRows: 2, partBytes: 5 * 20 });
    for (const i of numbers(0, 12)) await writer.append(row(i).record, row(i).features);
    expect((await openStore(dir)).manifest.parts).toHaveLength(6);
    await writer.finish({ failed: 0 });
    expect((await openStore(dir)).manifest.parts.map(({ rows }) => rows)).toEqual([5, 5, 2]);
    expect(await allRows(dir)).toEqual(numbers(0, 12).map(row));
  });

  it('is rearranged by content: moved, relabelled, repeated, added and gone images', async () => {
    const dir = await storeOf(9, 4);
    const { storedParts } = await readStoredParts(dir, (await openStore(dir)).manifest);
    const writer = await writerOf(dir, { storedParts, partBytes: 80 });
    expect(writer.has(row(3).record)).toBe(true);
    expect(writer.has(row(20).record)).toBe(false);
    await writer.append(row(20).record, row(20).features);
    expect(writer.has(row(20).record)).toBe(true);
    const renamed = (i: number, path: string) => ({ ...row(i).record, path, labels: ['new'] });
    const rows = [
      renamed(8, 'z.jpg'),
      row(20).record,
      renamed(0, 'a.jpg'),
      renamed(8, 'again.jpg'),
      row(3).record,
    ];
    await writer.finish({ rows, failed: 1 });
    const stored = await allRows(dir);
    expect(stored.map(({ record }) => record)).toEqual(rows);
    expect(stored.map(({ features }) => features[0][0])).toEqual([8, 20, 0, 8, 3]);
    expect(readdirSync(dir)).toHaveLength(3);

    // Repeated content is in order, too, the next time: nothing is written again.
    const before = (await openStore(dir)).manifest.parts;
    const again = await readStoredParts(dir, (await openStore(dir)).manifest);
    await (await writerOf(dir, { storedParts: again.storedParts, partBytes: 80 })).finish({
      rows,
      failed: 0,
    });
    expect((await openStore(dir)).manifest.parts).toEqual(before);
  });

  it('keeps full parts at the start when rows are added at the end', async () => {
    const dir = await storeOf(10, 4);
    const before = (await openStore(dir)).manifest.parts;
    const { storedParts } = await readStoredParts(dir, (await openStore(dir)).manifest);
    const writer = await writerOf(dir, { storedParts, partBytes: 80 });
    await writer.append(row(10).record, row(10).features);
    await writer.finish({ failed: 0 });
    const after = (await openStore(dir)).manifest.parts;
    expect(after.slice(0, 2)).toEqual(before.slice(0, 2));
    expect(after.map(({ rows }) => rows)).toEqual([4, 4, 3]);
    expect(await allRows(dir)).toEqual(numbers(0, 11).map(row));
  });

  it('removes what a crash left half written', async () => {
    const dir = await storeOf(4);
    writeFileSync(join(dir, 'part-00007.arrow.tmp'), 'half');
    writeFileSync(join(dir, 'part-00009.arrow'), 'written, but never listed');
    const { storedParts } = await readStoredParts(dir, (await openStore(dir)).manifest);
    await (await writerOf(dir, { storedParts, partBytes: 80 })).finish({ failed: 0 });
    expect(readdirSync(dir).sort()).toEqual(['manifest.json', 'part-00000.arrow']);
  });

  it('stores many rows of one wide column', async () => {
    const dir = newFolder();
    const columns = [{ name: 'avg', dimension: 1280 }];
    const writer = await createStoreWriter(dir, {
      pipeline: pipeline(),
      classes: ['a'],
      columns,
      images: 300,
    });
    for (const i of numbers(0, 300)) await writer.append(row(i).record, [new Float32Array(1280).fill(i)]);
    await writer.finish({ failed: 0 });
    const [part] = await allParts(dir);
    expect(part.features.get('avg')!.length).toBe(300 * 1280);
    expect(part.features.get('avg')![299 * 1280]).toBe(299);
  });
});

describe('a feature store whose files changed', () => {
  const firstPart = (dir: string) => join(dir, 'part-00000.arrow');

  it.each([
    [
      'nothing there',
      async (dir: string) => rm(dir, { recursive: true }),
      /^No feature store at .*: run permafrost extract first/,
    ],
    ['a missing part', (dir: string) => rm(firstPart(dir)), /part-00000\.arrow cannot be read/],
    [
      'a part cut short',
      (dir: string) => truncate(firstPart(dir), 100),
      /part-00000\.arrow has 100 bytes, expected \d+/,
    ],
    [
      'a flipped bit',
      async (dir: string) => {
        const bytes = readFileSync(firstPart(dir));
        bytes[bytes.length >> 1] ^= 4;
        writeFileSync(firstPart(dir), bytes);
      },
      /part-00000\.arrow has SHA-256 [0-9a-f]{64}, expected/,
    ],
    [
      'a manifest cut short',
      (dir: string) => truncate(join(dir, 'manifest.json'), 300),
      /Expected JSON in .*manifest\.json/,
    ],
  ])('%s is an InputError', async (_, damage, message) => {
    const dir = await storeOf(6);
    await damage(dir);
    await expect(allParts(dir)).rejects.toThrow(
      expect.objectContaining({ name: 'InputError', message: expect.stringMatching(message) }),
    );
  });

  type Json = Record<string, unknown>;
  it.each<[string, (manifest: Json) => void, RegExp]>([
    [
      'another format',
      (m) => Object.assign(m, { format: 'zip' }),
      /Expected "permafrost-features" for format .* received "zip"/,
    ],
    ['a later version', (m) => Object.assign(m, { formatVersion: 3 }), /Expected 1 or 2 for formatVersion/],
    [
      'no pipeline',
      (m) => Object.assign(m, { pipeline: null }),
      /an object for pipeline of .* received null/,
    ],
    [
      'no dtype',
      (m) => Object.assign(m.pipeline as Json, { dtype: 'float8' }),
      /one of float32, float16 for pipeline\.dtype/,
    ],
    [
      'a size of text',
      (m) => Object.assign((m.pipeline as Json).size as Json, { width: '224' }),
      /pipeline\.size\.width/,
    ],
    ['classes of numbers', (m) => Object.assign(m, { classes: [1] }), /text for classes\[0\]/],
    ['no columns', (m) => Object.assign(m, { columns: [] }), /at least one column/],
    [
      'a path out of the store',
      (m) => Object.assign((m.parts as Json[])[0], { file: '../part-00000.arrow' }),
      /parts\[0\]\.file/,
    ],
    [
      'a part twice',
      (m) => Object.assign((m.parts as Json[])[1], { file: 'part-00000.arrow' }),
      /each name once for parts/,
    ],
    [
      'another checksum',
      (m) => Object.assign((m.parts as Json[])[0], { sha256: 'f'.repeat(64) }),
      /has SHA-256/,
    ],
    [
      'a wrong row count',
      (m) => {
        (m.parts as Json[])[0].rows = 3;
        (m.counts as Json).rows = 5;
      },
      /Expected 3 rows for .*part-00000\.arrow but received 4/,
    ],
    [
      'more rows than its bytes hold',
      (m) => {
        (m.parts as Json[])[0].rows = 2 ** 31 - 1;
        (m.counts as Json).rows = 2 ** 31 + 1;
      },
      /Expected at most \d+ rows in \d+ bytes for parts\[0\]\.rows of .*manifest\.json but received 2147483647/,
    ],
    ['counts that disagree', (m) => Object.assign(m.counts as Json, { rows: 7 }), /counts\.rows/],
    [
      'another dimension',
      (m) => Object.assign((m.columns as Json[])[0], { dimension: 4 }),
      /vectors of 4 float32 for column avg/,
    ],
    [
      'another column',
      (m) => Object.assign((m.columns as Json[])[0], { name: 'gem' }),
      /one batch of the columns/,
    ],
  ])('a manifest with %s is an InputError', async (_, change, message) => {
    const dir = await storeOf(6);
    const path = join(dir, 'manifest.json');
    const manifest: Json = JSON.parse(readFileSync(path, 'utf8'));
    change(manifest);
    delete manifest.seal;
    // The seal fits, so that what is looked at is the field.
    writeFileSync(path, sealManifest(manifest as unknown as StoreManifest));
    await expect(allParts(dir)).rejects.toThrow(
      expect.objectContaining({ name: 'InputError', message: expect.stringMatching(message) }),
    );
  });

  it('still gives its undamaged parts to an extraction that repairs it', async () => {
    const dir = await storeOf(10, 4);
    await truncate(firstPart(dir), 64);
    const { storedParts, damage } = await readStoredParts(dir, (await openStore(dir)).manifest);
    expect(damage).toEqual([expect.stringContaining('part-00000.arrow has 64 bytes')]);
    const writer = await writerOf(dir, { storedParts, partBytes: 80 });
    for (const i of numbers(0, 4)) {
      expect(writer.has(row(i).record)).toBe(false);
      await writer.append(row(i).record, row(i).features);
    }
    await writer.finish({ rows: numbers(0, 10).map((i) => row(i).record), failed: 0 });
    expect(await allRows(dir)).toEqual(numbers(0, 10).map(row));
    expect(existsSync(firstPart(dir))).toBe(false);
  });
});
