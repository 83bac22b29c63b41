/** What an earlier run left to go on from, and whether it may be gone on from. */
import { basename, dirname, join } from 'node:path';
import { InputError, messageOf } from '../shared/errors.ts';
import { counted } from '../shared/plural.ts';
import { codeOf, disk, diskError } from '../shared/store/files.ts';
import { type Origin, pipelineDifferences, pipelineFingerprint } from '../shared/store/pipeline.ts';
import { openStore, readAdding } from '../shared/store/reader.ts';
import { type FeatureColumn, MANIFEST_FILE, type StoreManifest } from '../shared/store/schema.ts';
import { readStoredParts, type StoredPart } from '../shared/store/stored-parts.ts';
import { createStoreWriter } from '../shared/store/writer.ts';

/** What an earlier run left in a store's folder. */
export interface Earlier {
  /** Names of the columns that the store will have: those that it has, and those that are requested. */
  columns: string[];
  /** Whether some of them are not there yet: all images go through the backbone, and until then the store stays as it is. */
  addsColumns: boolean;
  /** The rows that may be reused. */
  storedParts: StoredPart[];
  /** What to say about it: that an earlier run did not come to its end, or had other columns. */
  found: string[];
  /** A message for each part that is missing or damaged: its images are computed again. */
  damage: string[];
}

/** What a store must be equal in, whatever its columns. */
type Identity = Pick<Origin, 'pipeline' | 'augment'>;

/**
 * Where a store goes whose place the user left open: the usual folder, or one beside it when a store of another
 * pipeline or of other views is there, so that each keeps its features. Of several that fit, the first with all of
 * `columns`.
 */
export async function usualFolder(
  usual: string,
  { pipeline, augment }: Identity,
  columns: readonly string[],
): Promise<string> {
  if (!(await isStore(usual))) return usual;
  const fitting: { dir: string; isWhole: boolean }[] = [];
  for (const dir of [usual, ...(await foldersBeside(usual))]) {
    const manifest = dir === usual ? (await openStore(dir)).manifest : await manifestOf(dir);
    if (!manifest) continue;
    const { columns: stored, ...there } = manifest;
    if (pipelineDifferences({ pipeline, augment }, there).length > 0) continue;
    fitting.push({ dir, isWhole: missingColumns(columns, stored).length === 0 });
  }
  const found = fitting.find(({ isWhole }) => isWhole) ?? fitting[0];
  return found?.dir ?? `${usual}-${pipelineFingerprint({ pipeline, augment })}`;
}

/** Folders that are called as {@link usualFolder} calls those beside the usual one. */
async function foldersBeside(usual: string): Promise<string[]> {
  const parent = dirname(usual);
  const start = `${basename(usual)}-`;
  const names = await disk.readdir(parent);
  return names
    .filter((name) => name.startsWith(start) && /^[0-9a-f]{8}$/.test(name.slice(start.length)))
    .sort()
    .map((name) => join(parent, name));
}

/** Of a folder that may be no store, or a damaged one. */
async function manifestOf(dir: string): Promise<StoreManifest | undefined> {
  return openStore(dir).then(
    ({ manifest }) => manifest,
    () => undefined,
  );
}

function missingColumns(requested: readonly string[], stored: readonly FeatureColumn[]): string[] {
  return requested.filter((name) => !stored.some((column) => column.name === name));
}

/**
 * What the store at `out` holds already. An image is reused when its content is in there: which images those are
 * shows as they are read, since hashing a file costs little beside decoding it. Views that were made in another way
 * than requested leave the store before anything new comes in, so that no accident can mix the two.
 * @param requested names of columns
 * @param guard called before anything is written
 * @throws InputError when there is a store of another pipeline, or one whose manifest is damaged
 */
export async function openEarlier(
  out: string,
  { pipeline, augment = null }: Identity,
  requested: readonly string[],
  guard: () => Promise<void>,
): Promise<Earlier> {
  if (!(await isStore(out)))
    return { columns: [...requested], addsColumns: false, storedParts: [], found: [], damage: [] };
  const { manifest } = await openStore(out);
  const differing = pipelineDifferences({ pipeline }, { pipeline: manifest.pipeline });
  if (differing.length > 0) {
    throw new InputError(
      `${out} holds features that were extracted differently: ${differing.join(', ')}. Give another --out, or delete that folder`,
    );
  }
  if (missingColumns(requested, manifest.columns).length > 0)
    return openAdding(out, manifest, { pipeline, augment }, requested);
  const columns = manifest.columns.map(({ name }) => name);
  const rows = manifest.counts.rows;
  const said = manifest.complete ? [] : [`${out}: resumes an unfinished run after ${counted(rows, 'row')}`];
  const further = columns.filter((name) => !requested.includes(name));
  if (further.length > 0) said.push(`${out}: keeps the columns of earlier runs, ${further.join(', ')}, too`);
  const earlier = { columns, addsColumns: false, ...(await readStoredParts(out, manifest)) };
  if (manifest.augment === null || manifest.augment === augment) return { found: said, ...earlier };
  said.push(viewsRemoved(out, manifest.augment));
  const kept = await withoutViews(out, manifest, earlier.storedParts, guard);
  return { found: said, ...earlier, storedParts: kept };
}

function viewsRemoved(out: string, kind: string): string {
  return `${out}: its views were made by ${kind}; they are removed`;
}

/** What an earlier run left that added the same columns to a store. */
async function openAdding(
  out: string,
  { columns: stored, counts, augment: kind }: StoreManifest,
  { pipeline, augment = null }: Identity,
  requested: readonly string[],
): Promise<Earlier> {
  const missing = missingColumns(requested, stored);
  const further = stored.map(({ name }) => name).filter((name) => !requested.includes(name));
  const columns = [...requested, ...further];
  const found = [
    `${out}: adds ${missing.join(', ')} to its ${counted(counts.rows, 'row')}; every image is computed once more`,
  ];
  if (kind !== null && kind !== augment) found.push(viewsRemoved(out, kind));
  const earlier: Earlier = { columns, addsColumns: true, storedParts: [], found, damage: [] };
  try {
    const adding = await readAdding(out);
    const fits =
      adding &&
      pipelineDifferences({ pipeline }, { pipeline: adding.pipeline }).length === 0 &&
      adding.columns.map(({ name }) => name).join() === columns.join() &&
      (adding.augment === null || adding.augment === augment);
    if (!fits) return earlier;
    found.push(`${out}: resumes after ${counted(adding.counts.rows, 'row')}`);
    return { ...earlier, ...(await readStoredParts(out, adding)) };
  } catch (thrown) {
    return { ...earlier, damage: [messageOf(thrown)] };
  }
}

/** Leaves the rows of the images themselves in a store, in one commit. */
async function withoutViews(
  out: string,
  { augment: _, complete: __, counts, parts: ___, ...header }: StoreManifest,
  storedParts: StoredPart[],
  guard: () => Promise<void>,
): Promise<StoredPart[]> {
  const writer = await createStoreWriter(out, { ...header, images: counts.images }, { storedParts, guard });
  const rows = storedParts.flatMap(({ records }) => records.filter(({ view }) => view === 0));
  const manifest = await writer.finish({ rows, failed: counts.failed });
  return (await readStoredParts(out, manifest)).storedParts;
}

/** A manifest that is there but cannot be read is no reason to start over. */
async function isStore(out: string): Promise<boolean> {
  const path = join(out, MANIFEST_FILE);
  try {
    await disk.stat(path);
    return true;
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') return false;
    throw diskError('read', path, thrown);
  }
}
