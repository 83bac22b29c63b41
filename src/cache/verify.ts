/** `cache verify`: reads every byte of a store or of activations and compares it with its checksums. */
import { messageOf } from '../shared/errors.ts';
import { readActivationManifest } from '../shared/store/activations/schema.ts';
import { readStored } from '../shared/store/activations/stored.ts';
import { openStore, readAdding } from '../shared/store/reader.ts';
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
    const problems = [...damage, ...(await damageOfAdding(dir))];
    return { dir, rows: manifest.counts.rows, complete: manifest.complete, problems };
  } catch (thrown) {
    return { dir, rows: 0, complete: false, problems: [messageOf(thrown)] };
  }
}

/** What is wrong with the parts of an unfinished run that adds columns. */
async function damageOfAdding(dir: string): Promise<string[]> {
  try {
    const adding = await readAdding(dir);
    return adding ? (await readStoredParts(dir, adding)).damage : [];
  } catch (thrown) {
    return [messageOf(thrown)];
  }
}

/** Reads a folder of activations whole, one part at a time. */
export async function verifyActivations(dir: string): Promise<Verified> {
  try {
    const manifest = (await readActivationManifest(dir))!;
    const { damage } = await readStored(dir, manifest);
    return { dir, rows: manifest.counts.rows, complete: manifest.complete, problems: damage };
  } catch (thrown) {
    return { dir, rows: 0, complete: false, problems: [messageOf(thrown)] };
  }
}
