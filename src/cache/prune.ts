/** `cache prune`: removes what nothing needs, and what has not been written for long. */
import { join } from 'node:path';
import { readActivationManifest } from '../shared/store/activations/schema.ts';
import { disk } from '../shared/store/files.ts';
import { isLocked, LOCK_FILE, lockStore } from '../shared/store/lock.ts';
import { openStore, readAdding } from '../shared/store/reader.ts';
import {
  ADDING_FILE,
  CONFLICTS_FILE,
  ERRORS_FILE,
  FILES_FILE,
  MANIFEST_FILE,
  PART_FILE,
  type PartEntry,
  PHOTOS_FILE,
} from '../shared/store/schema.ts';
import type { Found } from './find.ts';
import { whyUnused } from './unused.ts';

export interface Pruned {
  /** Files and folders that were removed (or, when only looking, would be). */
  removed: string[];
  /** Stores left alone because a run is writing to them. */
  inUse: string[];
  bytes: number;
}

const DAY = 24 * 60 * 60 * 1000;

/**
 * Removes part files that no manifest lists, unfinished files and locks of dead runs, and activations that no run uses any
 * more; with `olderThanDays` also whole stores and activations whose manifest is older. Where a manifest is damaged, everything
 * is left as it is.
 * @param dryRun only looks
 */
export async function pruneStores(
  { stores, activations }: Found,
  { olderThanDays, dryRun }: { olderThanDays?: number; dryRun: boolean },
): Promise<Pruned> {
  const pruned: Pruned = { removed: [], inUse: [], bytes: 0 };
  const earliest = olderThanDays === undefined ? 0 : Date.now() - olderThanDays * DAY;
  const kinds: [dirs: readonly string[], superfluous: (dir: string, isOld: boolean) => Promise<string[]>][] =
    [
      [stores, filesOfStore],
      [activations, filesOfActivations],
    ];
  for (const [dirs, superfluous] of kinds)
    for (const dir of dirs) {
      if (await isLocked(dir)) {
        pruned.inUse.push(dir);
        continue;
      }
      // Looking leaves no trace, so it takes no lock.
      const lock = dryRun ? undefined : await lockStore(dir);
      try {
        const { mtimeMs } = await disk.stat(join(dir, MANIFEST_FILE));
        for (const file of await superfluous(dir, mtimeMs < earliest)) {
          const path = join(dir, file);
          pruned.bytes += (await disk.stat(path)).size;
          pruned.removed.push(path);
          if (!dryRun) await disk.rm(path);
        }
      } finally {
        await lock?.release();
      }
    }
  return pruned;
}

/** Files of a store to remove. Other programs have a manifest.json, too. */
async function filesOfStore(dir: string, isOld: boolean): Promise<string[]> {
  const store = await openStore(dir).catch(() => undefined);
  if (!store) return [];
  if (isOld) return allFiles(dir);
  const adding = await readAdding(dir).catch(() => undefined);
  return strayFiles(dir, [...store.manifest.parts, ...(adding?.parts ?? [])]);
}

async function filesOfActivations(dir: string, isOld: boolean): Promise<string[]> {
  const manifest = await readActivationManifest(dir).catch(() => undefined);
  if (!manifest) return [];
  const isDead = isOld || (await whyUnused(dir, manifest)) !== undefined;
  return isDead ? allFiles(dir) : strayFiles(dir, manifest.parts);
}

/** What extract writes into a store's folder beside part files. */
const SIDE_FILES: ReadonlySet<string> = new Set([
  MANIFEST_FILE,
  ADDING_FILE,
  ERRORS_FILE,
  CONFLICTS_FILE,
  FILES_FILE,
  PHOTOS_FILE,
  LOCK_FILE,
]);

/** An unfinished file of a store: its final name, with what says that it is unfinished. */
function isUnfinished(name: string): boolean {
  const final = name.replace(/(\.[0-9a-f-]{36})?\.tmp$/, '');
  return final !== name && (PART_FILE.test(final) || SIDE_FILES.has(final));
}

/** All files of a store or of activations. The manifest goes first: without it, parts count for nothing. */
async function allFiles(dir: string): Promise<string[]> {
  const names = await disk.readdir(dir);
  const rest = names.filter((name) => name !== MANIFEST_FILE && name !== LOCK_FILE);
  const own = rest.filter((name) => PART_FILE.test(name) || SIDE_FILES.has(name) || isUnfinished(name));
  return [MANIFEST_FILE, ...own];
}

/** Unfinished files, and parts that no manifest lists. */
async function strayFiles(dir: string, parts: readonly PartEntry[]): Promise<string[]> {
  const listed = new Set(parts.map(({ file }) => file));
  const names = await disk.readdir(dir);
  return names.filter((name) => isUnfinished(name) || (PART_FILE.test(name) && !listed.has(name)));
}
