/** `.keras` files: zip archives whose `model.weights.h5` holds the weights, and `config.json` the layers. */
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { crc32 } from 'node:zlib';
import { type Entry, openPromise, type ZipFile } from 'yauzl';
import { InputError, messageOf } from '../errors.ts';

const WEIGHTS = 'model.weights.h5';
const CONFIG = 'config.json';
/** Larger than any weights and any configuration; a header may claim anything. */
const MAX_BYTES = 16 * 2 ** 30;
const MAX_CONFIG_BYTES = 256 * 2 ** 20;

/** The weights of an archive as a temporary file of their own. */
export interface UnpackedWeights {
  file: string;
  /** The text of its configuration, if it has one. */
  config: string | undefined;
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
      const { weights, config } = await entriesOf(archive);
      if (!weights) throw new InputError(`Expected ${WEIGHTS} in ${path} but found a zip archive without it`);
      checkSize(weights, MAX_BYTES, path);
      await pipeline(await checkedEntry(archive, weights), createWriteStream(file));
      if (!config) return { file, config: undefined, remove };
      checkSize(config, MAX_CONFIG_BYTES, path);
      return { file, config: await text(await checkedEntry(archive, config)), remove };
    } finally {
      archive.close();
    }
  } catch (thrown) {
    await remove();
    if (thrown instanceof InputError) throw thrown;
    throw new InputError(
      `Expected a readable .keras archive at ${path}, but it is damaged: ${messageOf(thrown)}`,
    );
  }
}

function checkSize({ fileName, uncompressedSize }: Entry, max: number, path: string): void {
  if (uncompressedSize > max) {
    throw new InputError(
      `Expected weights in ${path} but its ${fileName} says it has ${uncompressedSize} bytes`,
    );
  }
}

/** yauzl checks lengths as it goes (what is longer or shorter than declared is an error), but no checksums. */
async function checkedEntry(archive: ZipFile, entry: Entry): Promise<Readable> {
  const stream = await archive.openReadStreamPromise(entry);
  let checksum = 0;
  const checked = new Transform({
    transform(chunk: Buffer, _, done) {
      checksum = crc32(chunk, checksum);
      done(null, chunk);
    },
    flush: (done) =>
      done(checksum === entry.crc32 ? null : new Error(`the checksum of ${entry.fileName} is wrong`)),
  });
  stream.once('error', (thrown) => checked.destroy(thrown));
  return stream.pipe(checked);
}

async function entriesOf(archive: ZipFile): Promise<{ weights?: Entry; config?: Entry }> {
  const found: { weights?: Entry; config?: Entry } = {};
  for await (const entry of archive.eachEntry()) {
    if (entry.fileName === WEIGHTS) found.weights ??= entry;
    if (entry.fileName === CONFIG) found.config ??= entry;
  }
  return found;
}
