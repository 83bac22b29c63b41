/** Zip archives, read without unpacking them. */
import { basename } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { type Entry, openPromise, type ZipFile } from 'yauzl';
import { InputError, messageOf } from '../../shared/errors.ts';

/** An archive's files by their paths. */
export interface Archive {
  entries: string[];
  read(path: string): Promise<Buffer>;
  close(): Promise<void>;
}

/** An image file of more bytes than this is no image: what an archive claims is not allocated blindly. */
export const MOST_BYTES = 2 ** 30;

/** @throws InputError for a file that is no zip archive */
export async function openZip(file: string): Promise<Archive> {
  try {
    const zip = await openPromise(file, { lazyEntries: true, autoClose: false, validateEntrySizes: true });
    const entries = new Map<string, Entry>();
    for await (const entry of zip.eachEntry()) {
      if (!entry.fileName.endsWith('/')) entries.set(entry.fileName, entry);
    }
    return {
      entries: [...entries.keys()],
      read: (path) => readEntry(zip, entries.get(path)),
      close: async () => zip.close(),
    };
  } catch (thrown) {
    throw new InputError(`Expected a zip archive but ${basename(file)} is damaged: ${messageOf(thrown)}`);
  }
}

async function readEntry(zip: ZipFile, entry: Entry | undefined): Promise<Buffer> {
  if (!entry) throw Object.assign(new Error('no such entry'), { code: 'ENOENT' });
  if (entry.uncompressedSize > MOST_BYTES)
    throw new InputError(`an entry of ${entry.uncompressedSize} bytes`);
  return buffer(await zip.openReadStreamPromise(entry));
}
