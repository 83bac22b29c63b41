/** `cache ls`: what each store holds. */
import { join } from 'node:path';
import { messageOf } from '../shared/errors.ts';
import { counted } from '../shared/plural.ts';
import { disk } from '../shared/store/files.ts';
import { isLocked } from '../shared/store/lock.ts';
import { openStore } from '../shared/store/reader.ts';
import { MANIFEST_FILE, type Shard } from '../shared/store/schema.ts';

/** A store as it is listed. */
export interface StoreSummary {
  dir: string;
  backbone: string;
  weights: string;
  /** `WIDTHxHEIGHT`. */
  size: string;
  /** Column names with their dimensions: `avg[1280]`. */
  columns: string[];
  dtype: string;
  rows: number;
  classes: number;
  /** Of all parts. */
  bytes: number;
  complete: boolean;
  /** Whether a run is writing to it now. */
  inUse: boolean;
  shard: Shard | null;
  /** When its manifest was last written, ISO 8601. */
  written: string;
}

/** A store that cannot be opened, and why. */
export interface Unreadable {
  dir: string;
  problem: string;
}

/** Describes stores from their manifests alone. */
export async function listStores(dirs: readonly string[]): Promise<(StoreSummary | Unreadable)[]> {
  const stores: (StoreSummary | Unreadable)[] = [];
  for (const dir of dirs) {
    try {
      const { manifest } = await openStore(dir);
      const { backbone, weights, size, dtype } = manifest.pipeline;
      stores.push({
        dir,
        backbone,
        weights,
        size: `${size.width}x${size.height}`,
        columns: manifest.columns.map(({ name, dimension }) => `${name}[${dimension}]`),
        dtype,
        rows: manifest.counts.rows,
        classes: manifest.classes.length,
        bytes: manifest.parts.reduce((sum, part) => sum + part.bytes, 0),
        complete: manifest.complete,
        inUse: await isLocked(dir),
        shard: manifest.shard,
        written: (await disk.stat(join(dir, MANIFEST_FILE))).mtime.toISOString(),
      });
    } catch (thrown) {
      stores.push({ dir, problem: messageOf(thrown) });
    }
  }
  return stores;
}

/** The list as lines of text for people. */
export function listLines(stores: readonly (StoreSummary | Unreadable)[]): string[] {
  return stores.map((store) => {
    if ('problem' in store) return `${store.dir}: ${store.problem}`;
    const { dir, backbone, size, columns, rows, bytes, complete, inUse, shard, written } = store;
    const state = inUse ? 'being written' : complete ? 'complete' : 'incomplete';
    const what = `${backbone} ${size} ${columns.join(' ')}`;
    const shardText = shard ? `, shard ${shard.index}/${shard.of}` : '';
    return `${dir}: ${counted(rows, 'row')}, ${what}, ${(bytes / 1e6).toFixed(1)} MB, ${state}${shardText}, ${written.slice(0, 16)}`;
  });
}
