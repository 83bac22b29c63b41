/** What an earlier run left to go on from, and whether it may be gone on from. */
import { join } from 'node:path';
import { InputError } from '../shared/errors.ts';
import { codeOf, disk, diskError } from '../shared/store/files.ts';
import { type HeldPart, heldParts } from '../shared/store/held.ts';
import { pipelineDifferences, pipelineFingerprint } from '../shared/store/pipeline.ts';
import { openStore } from '../shared/store/reader.ts';
import { type FeatureColumn, MANIFEST_FILE, type Pipeline } from '../shared/store/schema.ts';

/** The rows of an earlier run that may be reused. */
export interface Earlier {
  held: HeldPart[];
  /** What to say about it: that an earlier run did not come to its end. */
  found: string[];
  /** A message for each part that is missing or damaged: its images are computed again. */
  damage: string[];
}

/**
 * Where a store goes whose place the user left open: the usual folder, or one beside it when a store of another
 * pipeline is there, so that each pipeline keeps its features.
 */
export async function usualFolder(
  usual: string,
  pipeline: Pipeline,
  columns: readonly FeatureColumn[],
): Promise<string> {
  if (!(await isStore(usual))) return usual;
  const differing = pipelineDifferences({ pipeline, columns }, (await openStore(usual)).manifest);
  return differing.length === 0 ? usual : `${usual}-${pipelineFingerprint({ pipeline, columns })}`;
}

/**
 * What the store at `out` holds already. An image is reused when its content is in there: which images those are
 * shows as they are read, since hashing a file costs little beside decoding it.
 * @throws InputError when there is a store of another pipeline, or one whose manifest is damaged
 */
export async function openEarlier(
  out: string,
  pipeline: Pipeline,
  columns: readonly FeatureColumn[],
): Promise<Earlier> {
  if (!(await isStore(out))) return { held: [], found: [], damage: [] };
  const { manifest } = await openStore(out);
  const differing = pipelineDifferences({ pipeline, columns }, manifest);
  if (differing.length > 0) {
    throw new InputError(
      `Expected ${out} to hold features of the same pipeline but asked for was ${differing.join(', ')}: give another --out, or delete that folder`,
    );
  }
  const rows = manifest.counts.rows;
  const found = manifest.complete ? [] : [`${out}: going on from the ${rows} rows of an unfinished run`];
  return { found, ...(await heldParts(out, manifest)) };
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
