/** Opens a folder of activations for writing: what earlier runs left counts, and what of it is damaged does not. */
import { lockStore, type StoreLock } from '../lock.ts';
import {
  type ActivationManifest,
  checkSameActivations,
  emptyManifest,
  readActivationManifest,
} from './schema.ts';
import { readStored } from './stored.ts';
import { type ActivationWriter, createActivationWriter } from './writer.ts';

export interface ActivationFolder {
  dir: string;
  writer: ActivationWriter;
  /** What is wrong with what is there, a sentence each: it is computed again. */
  damage: string[];
  /** Whether the last run on it was killed. */
  afterCrash: boolean;
  /** Lets others write to it. */
  close(): Promise<void>;
}

/**
 * Locks the folder (made if need be) and reads every byte that is there.
 * @param maxPartRows see createActivationWriter
 * @throws InputError when another run writes to it, it holds activations of another pipeline, or it cannot be read or written
 */
export async function openActivationFolder(
  dir: string,
  { pipeline, columns }: Pick<ActivationManifest, 'pipeline' | 'columns'>,
  maxPartRows?: number,
): Promise<ActivationFolder> {
  const lock: StoreLock = await lockStore(dir);
  try {
    const damage: string[] = [];
    const manifest = await readActivationManifest(dir, (problem) => damage.push(problem));
    if (manifest) checkSameActivations(dir, { pipeline, columns }, manifest);
    const stored = manifest && (await readStored(dir, manifest));
    damage.push(...(stored?.damage ?? []));
    const writer = await createActivationWriter(dir, emptyManifest(pipeline, columns), {
      stored: stored?.parts,
      damaged: stored?.damaged,
      maxPartRows,
      guard: lock.check,
    });
    return { dir, writer, damage, afterCrash: lock.afterCrash, close: lock.release };
  } catch (thrown) {
    await lock.release();
    throw thrown;
  }
}
