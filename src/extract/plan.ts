/** What an earlier run left to go on from, and whether it may be gone on from. */
import { join } from 'node:path';
import { InputError } from '../shared/errors.ts';
import { counted } from '../shared/plural.ts';
import { codeOf, disk, diskError } from '../shared/store/files.ts';
import { type Origin, pipelineDifferences, pipelineFingerprint } from '../shared/store/pipeline.ts';
import { openStore } from '../shared/store/reader.ts';
import { MANIFEST_FILE, type StoreManifest } from '../shared/store/schema.ts';
import { readStoredParts, type StoredPart } from '../shared/store/stored-parts.ts';
import { createStoreWriter } from '../shared/store/writer.ts';

/** The rows of an earlier run that may be reused. */
export interface Earlier {
  storedParts: StoredPart[];
  /** What to say about it: that an earlier run did not come to its end. */
  found: string[];
  /** A message for each part that is missing or damaged: its images are computed again. */
  damage: string[];
}

/**
 * Where a store goes whose place the user left open: the usual folder, or one beside it when a store of another
 * pipeline or of other views is there, so that each keeps its features.
 */
export async function usualFolder(usual: string, origin: Origin): Promise<string> {
  if (!(await isStore(usual))) return usual;
  const differing = pipelineDifferences(origin, (await openStore(usual)).manifest);
  return differing.length === 0 ? usual : `${usual}-${pipelineFingerprint(origin)}`;
}

/**
 * What the store at `out` holds already. An image is reused when its content is in there: which images those are
 * shows as they are read, since hashing a file costs little beside decoding it. Views that were made in another way
 * than requested leave the store before anything new comes in, so that no accident can mix the two.
 * @param guard called before anything is written
 * @throws InputError when there is a store of another pipeline, or one whose manifest is damaged
 */
export async function openEarlier(
  out: string,
  { pipeline, columns, augment = null }: Origin,
  guard: () => Promise<void>,
): Promise<Earlier> {
  if (!(await isStore(out))) return { storedParts: [], found: [], damage: [] };
  const { manifest } = await openStore(out);
  const { pipeline: there, columns: found } = manifest;
  const differing = pipelineDifferences({ pipeline, columns }, { pipeline: there, columns: found });
  if (differing.length > 0) {
    throw new InputError(
      `${out} holds features that were made another way: ${differing.join(', ')}. Give another --out, or delete that folder`,
    );
  }
  const rows = manifest.counts.rows;
  const said = manifest.complete ? [] : [`${out}: resumes an unfinished run after ${counted(rows, 'row')}`];
  const earlier = await readStoredParts(out, manifest);
  if (manifest.augment === null || manifest.augment === augment) return { found: said, ...earlier };
  said.push(`${out}: its views were made by ${manifest.augment}; they are removed`);
  const kept = await withoutViews(out, manifest, earlier.storedParts, guard);
  return { found: said, storedParts: kept, damage: earlier.damage };
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
