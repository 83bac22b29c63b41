/** Heads that halving has paused: on disk beside the record of a sweep, or in memory where none is kept. */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import type { PausedHead } from '../training/head-progress.ts';
import type { HeadResult } from '../training/result.ts';
import { readChecksummed, writeChecksummed } from './records.ts';

/** Paused heads by their id. */
export interface PausedHeads {
  /** What they have done so far, by id. */
  readonly results: ReadonlyMap<string, HeadResult>;
  put(head: PausedHead): void;
  /** @throws InputError when it is no longer on the disk, or no longer as it was */
  get(id: string): PausedHead;
  remove(id: string): void;
}

/** Paused heads of a sweep that keeps no record. */
export function pausedInMemory(): PausedHeads {
  const heads = new Map<string, PausedHead>();
  const results = new Map<string, HeadResult>();
  return {
    results,
    put(head) {
      const { result } = head.trained;
      heads.set(result.id, head);
      results.set(result.id, result);
    },
    get(id) {
      const head = heads.get(id);
      if (!head) throw new Error(`Head ${id} is not paused`);
      return head;
    },
    remove(id) {
      heads.delete(id);
      results.delete(id);
    },
  };
}

const PREFIX = 'paused-';
const ENDING = '.head';

/** Paused heads as files in `folder`, each whole or not there; those of an earlier run are taken over. */
export function pausedOnDisk(folder: string): PausedHeads {
  const results = new Map<string, HeadResult>();
  const fileOf = (id: string) => join(folder, `${PREFIX}${id.replace(/[^\w-]/g, '_')}${ENDING}`);
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(PREFIX) || !name.endsWith(ENDING)) continue;
    const { result } = readPaused(join(folder, name)).trained;
    results.set(result.id, result);
  }
  return {
    results,
    put(head) {
      const { result } = head.trained;
      writeChecksummed(fileOf(result.id), serialize(head));
      results.set(result.id, result);
    },
    get: (id) => readPaused(fileOf(id)),
    remove(id) {
      rmSync(fileOf(id), { force: true });
      results.delete(id);
    },
  };
}

function readPaused(path: string): PausedHead {
  return deserialize(readChecksummed(path)) as PausedHead;
}
