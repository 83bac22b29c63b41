/** Zip archives, read without unpacking them. */
import { isAscii, isUtf8 } from 'node:buffer';
import { basename } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { type Entry, openPromise, type ZipFile } from 'yauzl';
import { InputError, messageOf, shown } from '../../shared/errors.ts';
import { counted } from '../../shared/plural.ts';

/** An archive's files by their paths. */
export interface Archive {
  entries: string[];
  /** Things the user may not have meant, one sentence each. */
  notes?: string[];
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
    const undeclared: string[] = [];
    for await (const entry of zip.eachEntry()) {
      const { name, isDeclared } = nameOf(entry);
      if (name.endsWith('/')) continue;
      if (!isDeclared) undeclared.push(name);
      entries.set(name, entry);
    }
    return {
      entries: [...entries.keys()],
      notes: undeclared.length === 0 ? [] : [undeclaredNote(basename(file), undeclared)],
      read: (path) => readEntry(zip, entries.get(path)),
      close: async () => zip.close(),
    };
  } catch (thrown) {
    throw new InputError(`Expected a zip archive but ${basename(file)} is damaged: ${messageOf(thrown)}`);
  }
}

/** Bit 11 of an entry's flags and this extra field say that its name is UTF-8 (APPNOTE.TXT 4.4.4, 4.6.9). */
const UTF8_FLAG = 0x800;
const UNICODE_PATH = 0x7075;

/** The name of an entry: macOS writes UTF-8 and does not say so, which without loss can be nothing else. */
function nameOf({ fileName, fileNameRaw, generalPurposeBitFlag, extraFields }: Entry): {
  name: string;
  isDeclared: boolean;
} {
  const isSaid =
    (generalPurposeBitFlag & UTF8_FLAG) !== 0 || extraFields.some(({ id }) => id === UNICODE_PATH);
  if (isSaid || isAscii(fileNameRaw)) return { name: fileName, isDeclared: true };
  if (isUtf8(fileNameRaw))
    return { name: fileNameRaw.toString('utf8').replaceAll('\\', '/'), isDeclared: true };
  return { name: fileName, isDeclared: false };
}

function undeclaredNote(file: string, names: readonly string[]): string {
  return `${file} does not say the encoding of ${counted(names.length, 'name')}, such as ${shown(names[0])}: read as code page 437`;
}

async function readEntry(zip: ZipFile, entry: Entry | undefined): Promise<Buffer> {
  if (!entry) throw Object.assign(new Error('no such entry'), { code: 'ENOENT' });
  if (entry.uncompressedSize > MOST_BYTES)
    throw new InputError(`an entry of ${entry.uncompressedSize} bytes`);
  return buffer(await zip.openReadStreamPromise(entry));
}
