/** `cache ls`: what each store holds, and each folder of activations. */
import { join } from 'node:path';
import { messageOf } from '../shared/errors.ts';
import { counted } from '../shared/plural.ts';
import { readActivationManifest } from '../shared/store/activations/schema.ts';
import { disk } from '../shared/store/files.ts';
import { isLocked } from '../shared/store/lock.ts';
import { openStore, readAdding } from '../shared/store/reader.ts';
import { MANIFEST_FILE, type Shard, type StoreManifest } from '../shared/store/schema.ts';
import { whyUnused } from './unused.ts';

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
  /** Columns that an unfinished run adds, and its rows so far; null where none does. */
  adding: { columns: string[]; rows: number } | null;
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
        adding: await addingTo(dir, manifest),
        shard: manifest.shard,
        written: await writtenAt(dir),
      });
    } catch (thrown) {
      stores.push({ dir, problem: messageOf(thrown) });
    }
  }
  return stores;
}

async function addingTo(dir: string, { columns }: StoreManifest): Promise<StoreSummary['adding']> {
  const adding = await readAdding(dir);
  if (!adding) return null;
  const there = new Set(columns.map(({ name }) => name));
  const added = adding.columns.filter(({ name }) => !there.has(name));
  return { columns: added.map(({ name }) => name), rows: adding.counts.rows };
}

async function writtenAt(dir: string): Promise<string> {
  return (await disk.stat(join(dir, MANIFEST_FILE))).mtime.toISOString();
}

/** Cached activations as they are listed. */
export interface ActivationSummary
  extends Pick<
    StoreSummary,
    'dir' | 'backbone' | 'weights' | 'size' | 'rows' | 'bytes' | 'complete' | 'inUse' | 'written'
  > {
  /** The layer whose output is kept. */
  layer: string;
  /** `HEIGHTxWIDTHxCHANNELS` of each activation. */
  shape: string;
  dtype: string;
  /** How views were made; null: these are of the images themselves. */
  views: string | null;
  /** Why no run uses them any more; null where one may. */
  unused: string | null;
}

/** Describes activations from their manifests alone. */
export async function listActivations(dirs: readonly string[]): Promise<(ActivationSummary | Unreadable)[]> {
  const listed: (ActivationSummary | Unreadable)[] = [];
  for (const dir of dirs) {
    try {
      const manifest = (await readActivationManifest(dir))!;
      const { backbone, weights, size, cut, dtype, augment } = manifest.pipeline;
      listed.push({
        dir,
        backbone,
        weights,
        size: `${size.width}x${size.height}`,
        layer: cut.layer,
        shape: cut.shape.join('x'),
        dtype,
        views: augment,
        rows: manifest.counts.rows,
        bytes: manifest.parts.reduce((sum, part) => sum + part.bytes, 0),
        complete: manifest.complete,
        inUse: await isLocked(dir),
        unused: (await whyUnused(dir, manifest)) ?? null,
        written: await writtenAt(dir),
      });
    } catch (thrown) {
      listed.push({ dir, problem: messageOf(thrown) });
    }
  }
  return listed;
}

/** Both lists as lines of text for people: activations follow the store that they are beside. */
export function listLines(
  stores: readonly (StoreSummary | Unreadable)[],
  activations: readonly (ActivationSummary | Unreadable)[] = [],
): string[] {
  return [...stores, ...activations]
    .toSorted((a, b) => (a.dir < b.dir ? -1 : 1))
    .map((one) => {
      if ('problem' in one) return `${one.dir}: ${one.problem}`;
      const state = one.inUse ? 'being written' : one.complete ? 'complete' : 'incomplete';
      const what = 'layer' in one ? activationText(one) : storeText(one);
      return `${one.dir}: ${counted(one.rows, 'row')}, ${what}, ${(one.bytes / 1e6).toFixed(1)} MB, ${state}${notesOf(one)}, ${one.written.slice(0, 16)}`;
    });
}

function storeText({ backbone, size, columns }: StoreSummary): string {
  return `${backbone} ${size} ${columns.join(' ')}`;
}

function activationText({ backbone, size, layer, shape, dtype, views }: ActivationSummary): string {
  return `${backbone} ${size} ${layer}[${shape}] ${dtype}${views === null ? '' : `, views ${views}`}`;
}

function notesOf(one: StoreSummary | ActivationSummary): string {
  if ('layer' in one) return one.unused === null ? '' : `, unused: ${one.unused}`;
  const { shard, adding } = one;
  const adds = adding ? `, adding ${adding.columns.join(', ')} (${counted(adding.rows, 'row')} so far)` : '';
  return `${adds}${shard ? `, shard ${shard.index}/${shard.of}` : ''}`;
}
