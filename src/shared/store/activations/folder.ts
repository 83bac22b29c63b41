/** Opens a folder of activations for reading and writing: what is there counts, and what of it is damaged does not. */
import type { Content } from '../content.ts';
import { lockStore } from '../lock.ts';
import type { PartEntry } from '../schema.ts';
import { packedIndex } from './row-index.ts';
import {
  type ActivationOrigin,
  type ActivationPipeline,
  checkSameActivations,
  emptyManifest,
  readActivationManifest,
} from './schema.ts';
import { readStored, type StoredPart } from './stored.ts';
import { type ActivationWriter, createActivationWriter } from './writer.ts';

export interface ActivationFolder {
  dir: string;
  /** What is there as it was written: left by earlier runs, and written since. */
  readonly parts: readonly StoredPart[];
  /** What is wrong with the rest, a sentence each: it is computed again. */
  damage: readonly string[];
  /** Whether the last run on it was killed. */
  afterCrash: boolean;
  /** Whether the last run came to its end, and nothing is damaged. */
  isComplete: boolean;
  has(content: Content): boolean;
  /** @param engine what computes the rows to come */
  startWriting(engine: ActivationPipeline['engine']): Promise<ActivationWriter>;
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
  { pipeline, columns }: ActivationOrigin,
  maxPartRows?: number,
): Promise<ActivationFolder> {
  const lock = await lockStore(dir);
  try {
    const problems: string[] = [];
    const manifest = await readActivationManifest(dir, (problem) => problems.push(problem));
    if (manifest) checkSameActivations(dir, { pipeline, columns }, manifest);
    const { parts, damaged, damage } = manifest ? await readStored(dir, manifest) : NOTHING;
    const rowOf = packedIndex(parts);
    let writer: ActivationWriter | undefined;
    return {
      dir,
      get parts() {
        return writer?.parts ?? parts;
      },
      damage: [...problems, ...damage],
      afterCrash: lock.afterCrash,
      isComplete: manifest?.complete === true && damaged.length === 0,
      has: ({ sha256, view }) => rowOf(sha256, view) !== undefined,
      async startWriting(engine) {
        const options = { stored: parts, damaged, maxPartRows, guard: lock.check };
        writer = await createActivationWriter(dir, emptyManifest({ ...pipeline, engine }, columns), options);
        return writer;
      },
      close: lock.release,
    };
  } catch (thrown) {
    await lock.release();
    throw thrown;
  }
}

const NOTHING: { parts: StoredPart[]; damaged: PartEntry[]; damage: string[] } = {
  parts: [],
  damaged: [],
  damage: [],
};
