/** Faults that a store must survive: the n-th file-system call fails, bytes change. */
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { random } from '../../../src/shared/random.ts';
import { disk } from '../../../src/shared/store/files.ts';
import { lockStore } from '../../../src/shared/store/lock.ts';
import type { RowRecord } from '../../../src/shared/store/part-buffer.ts';
import { openStore } from '../../../src/shared/store/reader.ts';
import { readStoredParts } from '../../../src/shared/store/stored-parts.ts';
import { newFolder } from '../folders.ts';
import { COLUMNS, row, storeOf, writerOf } from '../store-rows.ts';
import { failCall } from './disk.ts';

/** The rows that {@link run} stores. */
export const numbers = Array.from({ length: 10 }, (_, i) => i);

/** All rows of a store, with their features. */
export async function rowsOf(dir: string): Promise<{ record: RowRecord; features: Float32Array[] }[]> {
  const rows: { record: RowRecord; features: Float32Array[] }[] = [];
  for await (const part of (await openStore(dir)).parts()) {
    for (let i = 0; i < part.rows; i++) {
      rows.push({
        record: {
          path: part.paths[i],
          sha256: part.sha256[i],
          labels: part.labels[i],
          split: part.splits[i],
          view: part.views[i],
          group: part.groups[i],
        },
        features: COLUMNS.map(({ name, dimension }) =>
          part.features.get(name)!.slice(i * dimension, (i + 1) * dimension),
        ),
      });
    }
  }
  return rows;
}

/** What an extraction of ten images does to its store. */
export async function run(dir: string): Promise<void> {
  const lock = await lockStore(dir);
  try {
    const there = readdirSync(dir).includes('manifest.json');
    const storedParts = there
      ? (await readStoredParts(dir, (await openStore(dir)).manifest)).storedParts
      : [];
    const writer = await writerOf(dir, { storedParts, flushRows: 3, partBytes: 80, guard: lock.check });
    for (const { record, features } of numbers.map(row)) {
      if (!writer.has(record)) await writer.append(record, features);
    }
    await writer.finish({ rows: numbers.map((i) => row(i).record), failed: 0 });
  } finally {
    await lock.release();
  }
}

/** The rows of a store are among the right ones, or it says why it has none to give. */
async function expectNoWrongRow(dir: string): Promise<void> {
  const right = new Map(numbers.map((i) => [row(i).record.path, row(i)]));
  try {
    for (const found of await rowsOf(dir)) expect(found).toEqual(right.get(found.record.path));
  } catch (thrown) {
    expect(thrown).toMatchObject({ name: 'InputError' });
  }
}

/** Makes each file-system call of a run fail in turn, on a store that holds `kept` rows already. */
export async function surviveFaults(code: string, kept: number): Promise<void> {
  const earlier = kept > 0 ? await storeOf(kept, 4) : newFolder();
  const copy = (): string => {
    const dir = newFolder();
    cpSync(earlier, dir, { recursive: true });
    return dir;
  };
  const counting = failCall(disk, 0);
  await run(copy());
  counting.undo();
  expect(counting.calls).toBeGreaterThan(50);
  for (let failing = 1; failing <= counting.calls; failing++) {
    const dir = copy();
    const faults = failCall(disk, failing, code);
    const outcome = await run(dir).catch((thrown: unknown) => thrown);
    faults.undo();
    // Some calls may fail without harm: giving the lock back, for one.
    if (outcome) expect(outcome, `call ${failing}`).toMatchObject({ message: expect.stringMatching(/\S/) });
    await expectNoWrongRow(dir);
    const working = failCall(disk, 0);
    await run(dir);
    working.undo();
    expect(await rowsOf(dir), `call ${failing}`).toEqual(numbers.map(row));
    expect(readdirSync(dir).filter((name) => !/^part-\d+\.arrow$/.test(name))).toEqual(['manifest.json']);
    await rm(dir, { recursive: true });
  }
}

/** Changes bits of a store and cuts it short, `count` times. */
export async function surviveChangedBytes(count: number): Promise<void> {
  const source = await storeOf(10, 4);
  const files = readdirSync(source);
  const stream = random(7, 'mutated stores');
  for (let i = 0; i < count; i++) {
    const file = files[stream.integer(files.length)];
    const bytes = Buffer.from(readFileSync(join(source, file)));
    const flips = stream.integer(3);
    for (let f = 0; f <= flips; f++) bytes[stream.integer(bytes.length)] ^= 1 << stream.integer(8);
    const cut = stream.uniform() < 0.3 ? stream.integer(bytes.length) : bytes.length;
    const dir = newFolder();
    cpSync(source, dir, { recursive: true });
    writeFileSync(join(dir, file), bytes.subarray(0, cut));
    await expectNoWrongRow(dir);
    await rm(dir, { recursive: true });
  }
}
