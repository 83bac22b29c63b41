/** Faults that cached activations must survive: the n-th file-system call fails, bytes change. */
import { createHash } from 'node:crypto';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { random } from '../../../src/shared/random.ts';
import { openActivationFolder } from '../../../src/shared/store/activations/folder.ts';
import { openActivations } from '../../../src/shared/store/activations/reader.ts';
import { layoutOf } from '../../../src/shared/store/activations/schema.ts';
import { requestOf, type StoredPart } from '../../../src/shared/store/activations/stored.ts';
import { disk } from '../../../src/shared/store/files.ts';
import { ACTIVATION_COLUMNS, activationPipeline, madeUpRow } from '../activation-rows.ts';
import { newFolder } from '../folders.ts';
import { fuzzBytes } from '../fuzz/bytes.ts';
import { failCall } from './disk.ts';

const origin = { pipeline: activationPipeline({ dtype: 'float32' }), columns: ACTIVATION_COLUMNS };
const rows = Array.from({ length: 7 }, (_, i) => madeUpRow(`image-${i}`));

/** Caches the first `count` activations in parts of two, reads them all back, and returns how many it had to compute. */
async function cacheRows(dir: string, count = rows.length): Promise<number> {
  const { startWriting, close } = await openActivationFolder(dir, origin, 2);
  let computed = 0;
  let parts: readonly StoredPart[];
  try {
    const writer = await startWriting(origin.pipeline.engine);
    for (const { row, activation, features } of rows.slice(0, count)) {
      if (writer.has(row)) continue;
      await writer.append(row, activation, features);
      computed++;
    }
    await writer.finish();
    ({ parts } = writer);
  } finally {
    await close();
  }
  const reader = openActivations(requestOf(layoutOf(origin), parts));
  try {
    for (const { row, activation } of rows.slice(0, count)) {
      const into = new Float32Array(activation.length);
      await reader.read(Int32Array.of(reader.rowOf(row.sha256, row.view)!), into);
      expect(into).toEqual(activation);
    }
  } finally {
    await reader.close();
  }
  return computed;
}

/** The SHA-256 of every file of a folder. */
function filesOf(dir: string): string[] {
  const hash = (name: string) =>
    createHash('sha256')
      .update(readFileSync(join(dir, name)))
      .digest('hex');
  return readdirSync(dir).map((name) => `${name} ${hash(name)}`);
}

function copyOf(source: string): string {
  const dir = newFolder();
  cpSync(source, dir, { recursive: true });
  return dir;
}

/** Makes each file-system call of a run fail in turn, on a cache that holds `kept` activations already. */
export async function surviveFaults(code: string, kept: number): Promise<void> {
  const earlier = newFolder();
  if (kept > 0) await cacheRows(earlier, kept);
  const whole = copyOf(earlier);
  const counting = failCall(disk, 0);
  await cacheRows(whole);
  counting.undo();
  const wanted = filesOf(whole);
  expect(counting.calls).toBeGreaterThan(50);
  for (let failing = 1; failing <= counting.calls; failing++) {
    const dir = copyOf(earlier);
    const faults = failCall(disk, failing, code);
    const outcome = await cacheRows(dir).catch((thrown: unknown) => thrown);
    faults.undo();
    if (typeof outcome !== 'number')
      expect(outcome, `call ${failing}`).toMatchObject({ message: expect.stringMatching(/\S/) });
    const working = failCall(disk, 0);
    await cacheRows(dir);
    working.undo();
    expect(filesOf(dir), `call ${failing}`).toEqual(wanted);
    await rm(dir, { recursive: true });
  }
}

/** Changes bytes of a cache at random, `count` times: what is damaged, and only that, is computed again, to the same files. */
export async function surviveChangedBytes(count: number): Promise<void> {
  const source = newFolder();
  await cacheRows(source);
  const wanted = filesOf(source);
  const files = readdirSync(source);
  const stream = random(7, 'changed activations');
  let damaged = 0;
  for (let i = 0; i < count; i++) {
    const file = files[stream.integer(files.length)];
    const dir = copyOf(source);
    writeFileSync(join(dir, file), fuzzBytes(readFileSync(join(source, file)), stream));
    // It compares every number that it reads.
    const computed = await cacheRows(dir);
    expect(computed).toBeLessThanOrEqual(file === 'manifest.json' ? rows.length : 2);
    expect(filesOf(dir)).toEqual(wanted);
    if (computed > 0) damaged++;
    await rm(dir, { recursive: true });
  }
  expect(damaged).toBeGreaterThan(count / 2);
}
