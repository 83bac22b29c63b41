/** What the parts of a store hold, without the features themselves. */
import { messageOf } from '../errors.ts';
import { sharedMemory } from './checked-file.ts';
import type { RowRecord } from './part-buffer.ts';
import { readPart } from './reader.ts';
import type { PartEntry, StoreManifest } from './schema.ts';

/** A part and its rows. */
export interface StoredPart {
  entry: PartEntry;
  records: RowRecord[];
}

/**
 * Reads all parts of a store for what is in them. Parts that are missing or damaged are left out, so that their rows
 * can be computed again, with a message for each.
 */
export async function readStoredParts(
  dir: string,
  manifest: StoreManifest,
): Promise<{ storedParts: StoredPart[]; damage: string[] }> {
  const storedParts: StoredPart[] = [];
  const damage: string[] = [];
  const memory = sharedMemory();
  for (const entry of manifest.parts) {
    try {
      const { paths, sha256, labels, splits, views, groups, weights } = await readPart(
        dir,
        manifest,
        entry,
        memory,
      );
      const records = paths.map((path, row) => ({
        path,
        sha256: sha256[row],
        labels: labels[row],
        split: splits[row],
        view: views[row],
        group: groups[row],
        ...(weights && { weight: weights[row] }),
      }));
      storedParts.push({ entry, records });
    } catch (thrown) {
      damage.push(messageOf(thrown));
    }
  }
  return { storedParts, damage };
}
