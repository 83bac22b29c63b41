/** `.keras` files: zip archives whose `model.weights.h5` holds the weights; nothing else of them is looked at. */
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { crc32 } from 'node:zlib';
import { type Entry, openPromise, type ZipFile } from 'yauzl';
import { InputError, messageOf } from '../errors.ts';

const WEIGHTS = 'model.weights.h5';
/** Larger than any weights; a header may claim anything. */
const MOST_BYTES = 16 * 2 ** 30;

/** The weights of an archive as a temporary file of their own. */
export interface UnpackedWeights {
  file: string;
  remove(): Promise<void>;
}

/** Unpacks the weights; throws an InputError that names the archive and what is wrong with it. */
export async function unpackKerasWeights(path: string): Promise<UnpackedWeights> {
  const folder = await mkdtemp(join(tmpdir(), 'permafrost-'));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  const file = join(folder, WEIGHTS);
  try {
    const archive = await openPromise(path, { autoClose: false, validateEntrySizes: true });
    try {
      const entry = await weightsEntry(archive);
      if (!entry) throw new InputError(`Expected ${WEIGHTS} in ${path} but found a zip archive without it`);
      if (entry.uncompressedSize > MOST_BYTES) {
        throw new InputError(
          `Expected weights in ${path} but its ${WEIGHTS} says it has ${entry.uncompressedSize} bytes`,
        );
      }
      // yauzl checks lengths as it goes (what is longer or shorter than declared is an error), but no checksums.
      let checksum = 0;
      const checked = async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          checksum = crc32(chunk, checksum);
          yield chunk;
        }
      };
      await pipeline(await archive.openReadStreamPromise(entry), checked, createWriteStream(file));
      if (checksum !== entry.crc32) throw new Error(`the checksum of ${WEIGHTS} is wrong`);
    } finally {
      archive.close();
    }
    return { file, remove };
  } catch (thrown) {
    await remove();
    if (thrown instanceof InputError) throw thrown;
    throw new InputError(
      `Expected a readable .keras archive at ${path}, but it is damaged: ${messageOf(thrown)}`,
    );
  }
}

async function weightsEntry(archive: ZipFile): Promise<Entry | undefined> {
  for await (const entry of archive.eachEntry()) if (entry.fileName === WEIGHTS) return entry;
  return undefined;
}
