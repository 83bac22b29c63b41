/** What an earlier run left to go on from, and whether it may be gone on from. */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../shared/errors.ts';
import { type HeldPart, heldParts } from '../shared/store/held.ts';
import { openStore } from '../shared/store/reader.ts';
import { type FeatureColumn, MANIFEST_FILE, type Pipeline } from '../shared/store/schema.ts';

/** The rows of an earlier run that may be reused. */
export interface Earlier {
  held: HeldPart[];
  /** A message for each part that is missing or damaged: its images are computed again. */
  damage: string[];
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
  const exists = await access(join(out, MANIFEST_FILE)).then(
    () => true,
    () => false,
  );
  if (!exists) return { held: [], damage: [] };
  const { manifest } = await openStore(out);
  const there = comparable(manifest.pipeline, manifest.columns);
  const asked = comparable(pipeline, columns);
  const differing = Object.keys(asked).filter((field) => there[field] !== asked[field]);
  if (differing.length > 0) {
    const which = differing.map((field) => `${field} ${asked[field]} (there: ${there[field]})`);
    throw new InputError(
      `Expected ${out} to hold features of the same pipeline but asked for was ${which.join(', ')}: give another --out, or delete that folder`,
    );
  }
  return heldParts(out, manifest);
}

/** The fields that decide whether features can stand side by side; engine and program versions only trace them. */
function comparable(pipeline: Pipeline, columns: readonly FeatureColumn[]): Record<string, string> {
  const { backbone, weightsHash, size, preprocessing, resize, precision, dtype } = pipeline;
  return {
    backbone,
    'weights with SHA-256': weightsHash,
    size: `${size.width}x${size.height}`,
    pooling: columns.map(({ name, dimension }) => `${name}[${dimension}]`).join(' '),
    preprocessing,
    resize,
    precision,
    dtype,
  };
}
