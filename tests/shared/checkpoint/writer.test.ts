/** Finished heads on disk. */
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { sweepFingerprint } from '../../../src/shared/checkpoint/fingerprint.ts';
import { holdsUnfinished, openCheckpoint } from '../../../src/shared/checkpoint/writer.ts';
import { resolveConfig } from '../../../src/shared/head/resolve.ts';
import type { PausedHead, TrainedHead } from '../../../src/shared/training/head-progress.ts';
import { newFolder } from '../../support/folders.ts';

let dir = '';
beforeEach(() => {
  dir = newFolder();
});

const KEY = sweepFingerprint(['store', 'grid']);

function head(id: string, loss: number, status: 'done' | 'diverged' = 'done'): TrainedHead {
  const config = resolveConfig({}, 'multiclass');
  const result = {
    id,
    config,
    status,
    epochs: 3,
    bestEpoch: 2,
    seconds: 1,
    val: { loss },
    test: null,
    history: [],
  };
  return { result, parameters: Float32Array.from([Number(id), loss]) };
}

it('continues with the heads and the leader of an earlier run', async () => {
  const first = await openCheckpoint(dir, KEY, 'loss');
  for (const trained of [head('1', 0.5), head('2', 0.3), head('3', 0.4)]) first.record(trained);
  const again = await openCheckpoint(dir, KEY, 'loss');
  expect(again.results).toEqual(first.results);
  expect(again.leader).toEqual(head('2', 0.3));
  expect(readdirSync(join(dir, 'unfinished')).filter((name) => name.startsWith('leader'))).toHaveLength(1);
});

it('drops a line that a crash cut off and goes on after the last whole one', async () => {
  const first = await openCheckpoint(dir, KEY, 'loss');
  first.record(head('1', 0.5));
  appendFileSync(join(dir, 'unfinished', 'results.jsonl'), '{"id":"2","val":{"lo');
  const second = await openCheckpoint(dir, KEY, 'loss');
  expect(second.results.map(({ id }) => id)).toEqual(['1']);
  second.record(head('2', 0.4));
  const third = await openCheckpoint(dir, KEY, 'loss');
  expect(third.results.map(({ id }) => id)).toEqual(['1', '2']);
  expect(third.leader?.result.id).toBe('2');
});

it('starts afresh for another sweep', async () => {
  const first = await openCheckpoint(dir, KEY, 'loss');
  first.record(head('1', 0.5));
  const other = sweepFingerprint(['store', 'another grid']);
  expect(holdsUnfinished(dir, KEY)).toBe(true);
  expect(holdsUnfinished(dir, other)).toBe(false);
  expect((await openCheckpoint(dir, other, 'loss')).results).toEqual([]);
});

it('never makes a diverged head the leader', async () => {
  const checkpoint = await openCheckpoint(dir, KEY, 'loss');
  checkpoint.record({ ...head('1', 0.1, 'diverged'), parameters: new Float32Array() });
  expect(checkpoint.leader).toBeUndefined();
  checkpoint.record(head('2', 0.9));
  expect((await openCheckpoint(dir, KEY, 'loss')).leader?.result.id).toBe('2');
});

it.each([
  ['results.jsonl', 40],
  ['leader-1.f32', 34],
  ['paused-7.head', 50],
])('refuses a %s that was altered, by name', async (name, offset) => {
  const { record, paused, close } = await openCheckpoint(dir, KEY, 'loss');
  record(head('1', 0.5));
  const trained = head('7', 0.6);
  const state = { parameters: new Float32Array(3), slots: [], steps: 2 } as unknown as PausedHead['state'];
  paused.put({ trained, probabilities: new Float32Array(4), state });
  close();
  const path = join(dir, 'unfinished', name);
  const bytes = readFileSync(path);
  bytes[offset] ^= 1;
  writeFileSync(path, bytes);
  await expect(openCheckpoint(dir, KEY, 'loss')).rejects.toThrow(
    expect.objectContaining({ name: 'InputError', message: expect.stringContaining(name) }),
  );
});

it.each(['manifest.json', 'photos'])('refuses a folder with %s and no run in it', async (name) => {
  writeFileSync(join(dir, name), '');
  await expect(openCheckpoint(dir, KEY, 'loss')).rejects.toThrow(
    `Expected a new or empty folder, or an earlier run, for --out but received "${dir} with ${name} in it"`,
  );
  expect(readdirSync(dir)).toEqual([name]);
});

it('refuses a path that is a file', async () => {
  const path = join(dir, 'file');
  writeFileSync(path, 'mine');
  await expect(openCheckpoint(path, KEY, 'loss')).rejects.toThrow(/^Cannot make the folder .*file: .*EEXIST/);
});

it('leaves nothing behind when the run is whole', async () => {
  const checkpoint = await openCheckpoint(dir, KEY, 'loss');
  checkpoint.record(head('1', 0.5));
  checkpoint.finish();
  expect(existsSync(dir)).toBe(false);
});

it('has a fingerprint of the JSON text, however long its lists are', () => {
  const parts = {
    rows: Array.from({ length: 25_000 }, (_, row) => [row, null]),
    none: undefined,
    at: { x: 'ü' },
  };
  expect(sweepFingerprint(parts)).toBe(createHash('sha256').update(JSON.stringify(parts)).digest('hex'));
});
