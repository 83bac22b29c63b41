/** `cache prune`: removes what no store needs, and stores that have not been written for long. */
import { join } from 'node:path';
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
  PHOTOS_FILE,
  type StoreManifest,
} from '../shared/store/schema.ts';

export interface Pruned {
  /** Files and folders that were removed (or, when only looking, would be). */
  removed: string[];
  /** Stores left alone because a run is writing to them. */
  inUse: string[];
  bytes: number;
}

const DAY = 24 * 60 * 60 * 1000;

/**
 * Removes part files that no manifest lists, unfinished files and locks of dead runs; with `olderThanDays` also whole
 * stores whose manifest is older. A store whose manifest is damaged is left as it is.
 * @param dryRun only looks
 */
export async function pruneStores(
  dirs: readonly string[],
  { olderThanDays, dryRun }: { olderThanDays?: number; dryRun: boolean },
): Promise<Pruned> {
  const pruned: Pruned = { removed: [], inUse: [], bytes: 0 };
  for (const dir of dirs) {
    if (await isLocked(dir)) {
      pruned.inUse.push(dir);
      continue;
    }
    // Looking leaves no trace, so it takes no lock.
    const lock = dryRun ? undefined : await lockStore(dir);
    try {
      const manifest = await openStore(dir).then(
        (store) => store.manifest,
        () => undefined,
      );
      // Other programs have a manifest.json, too.
      if (!manifest) continue;
      const written = (await disk.stat(join(dir, MANIFEST_FILE))).mtimeMs;
      const old = olderThanDays !== undefined && Date.now() - written > olderThanDays * DAY;
      for (const file of old ? await storeFiles(dir) : await strayFiles(dir, manifest)) {
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

/** All files of a store. The manifest goes first: without it, parts count for nothing. */
async function storeFiles(dir: string): Promise<string[]> {
  const names = await disk.readdir(dir);
  const rest = names.filter((name) => name !== MANIFEST_FILE && name !== LOCK_FILE);
  const own = rest.filter((name) => PART_FILE.test(name) || SIDE_FILES.has(name) || isUnfinished(name));
  return [MANIFEST_FILE, ...own];
}

/** Unfinished files, and parts that neither the manifest lists nor that of a run which adds columns. */
async function strayFiles(dir: string, { parts }: StoreManifest): Promise<string[]> {
  const adding = await readAdding(dir).catch(() => undefined);
  const listed = new Set([...parts, ...(adding?.parts ?? [])].map(({ file }) => file));
  const names = await disk.readdir(dir);
  return names.filter((name) => isUnfinished(name) || (PART_FILE.test(name) && !listed.has(name)));
}
