/** `cache verify`: reads every byte of a store and compares it with its checksums. */
import { messageOf } from '../shared/errors.ts';
import { openStore } from '../shared/store/reader.ts';
import { readStoredParts } from '../shared/store/stored-parts.ts';

/** What a store turned out to be. */
export interface Verified {
  dir: string;
  rows: number;
  complete: boolean;
  /** One sentence for each thing that is wrong; none: every byte is as it was written. */
  problems: string[];
}

/** Reads a store whole, one part at a time. */
export async function verifyStore(dir: string): Promise<Verified> {
  try {
    const { manifest } = await openStore(dir);
    const { damage } = await readStoredParts(dir, manifest);
    return { dir, rows: manifest.counts.rows, complete: manifest.complete, problems: damage };
  } catch (thrown) {
    return { dir, rows: 0, complete: false, problems: [messageOf(thrown)] };
  }
}
