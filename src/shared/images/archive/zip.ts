/** Zip archives, read without unpacking them. */
import { isAscii, isUtf8 } from 'node:buffer';
import { basename } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { crc32 } from 'node:zlib';
import { Entry, getFileNameLowLevel, openPromise, type ZipFile } from 'yauzl';
import { InputError, messageOf, shown } from '../../errors.ts';
import { counted } from '../../plural.ts';
import {
  type Archive,
  checkEntrySize,
  createEntryList,
  damaged,
  type EntryKind,
  noSuchEntry,
} from './archive.ts';

/** What yauzl needs of an entry to read it: the entries themselves take ten times the memory. */
type Place = Pick<
  Entry,
  | 'compressedSize'
  | 'compressionMethod'
  | 'crc32'
  | 'generalPurposeBitFlag'
  | 'relativeOffsetOfLocalHeader'
  | 'uncompressedSize'
>;

/** @throws InputError for a file that is no zip archive, or one beyond the limits of archives */
export async function openZip(file: string): Promise<Archive> {
  const zip = await openPromise(file, {
    lazyEntries: true,
    autoClose: false,
    validateEntrySizes: true,
    decodeStrings: false,
  }).catch((thrown: unknown) => {
    throw damaged('zip', file, messageOf(thrown));
  });
  try {
    const list = createEntryList<Place>(file, zip.fileSize);
    const undeclared: string[] = [];
    for await (const entry of zip.eachEntry()) {
      const { compressedSize, compressionMethod, crc32: sum, generalPurposeBitFlag } = entry;
      const { relativeOffsetOfLocalHeader, uncompressedSize } = entry;
      const { name, isDeclared } = nameOf(entry);
      if (!isDeclared) undeclared.push(name);
      list.add(
        { name, kind: kindOf(name, entry), size: uncompressedSize },
        {
          compressedSize,
          compressionMethod,
          crc32: sum,
          generalPurposeBitFlag,
          relativeOffsetOfLocalHeader,
          uncompressedSize,
        },
      );
    }
    return {
      entries: [...list.places.keys()],
      notes: [...undeclaredNote(basename(file), undeclared), ...list.notes()],
      read: (path) => readEntry(zip, list.places.get(path)),
      close: async () => zip.close(),
    };
  } catch (thrown) {
    zip.close();
    throw thrown instanceof InputError ? thrown : damaged('zip', file, messageOf(thrown));
  }
}

/** Bit 11 of an entry's flags and this extra field say that its name is UTF-8 (APPNOTE.TXT 4.4.4, 4.6.9). */
const UTF8_FLAG = 0x800;
const UNICODE_PATH = 0x7075;

/** The name of an entry: macOS writes UTF-8 and does not say so, which without loss can be nothing else. */
function nameOf({ fileNameRaw, generalPurposeBitFlag, extraFields }: Entry): {
  name: string;
  isDeclared: boolean;
} {
  const isSaid =
    (generalPurposeBitFlag & UTF8_FLAG) !== 0 || extraFields.some(({ id }) => id === UNICODE_PATH);
  if (!isSaid && !isAscii(fileNameRaw) && isUtf8(fileNameRaw))
    return { name: fileNameRaw.toString('utf8').replaceAll('\\', '/'), isDeclared: true };
  const name = getFileNameLowLevel(generalPurposeBitFlag, fileNameRaw, extraFields, false);
  return { name, isDeclared: isSaid || isAscii(fileNameRaw) };
}

function undeclaredNote(file: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  return [
    `${file} does not say the encoding of ${counted(names.length, 'name')}, such as ${shown(names[0])}: read as code page 437`,
  ];
}

/** Systems whose file modes stand in the upper half of the attributes: Unix and macOS. */
const UNIX: ReadonlySet<number> = new Set([3, 19]);

/** Kinds by the upper bits of a Unix file mode; 0 where none was stored. */
const MODES: ReadonlyMap<number, EntryKind> = new Map([
  [0, 'file'],
  [0o100000, 'file'],
  [0o040000, 'folder'],
  [0o120000, 'link'],
]);

function kindOf(name: string, { versionMadeBy, externalFileAttributes }: Entry): EntryKind {
  if (name.endsWith('/')) return 'folder';
  if (!UNIX.has(versionMadeBy >>> 8)) return 'file';
  return MODES.get((externalFileAttributes >>> 16) & 0o170000) ?? 'other';
}

/** Ways of packing that are not read, by their numbers. */
const METHODS: ReadonlyMap<number, string> = new Map([
  [9, 'Deflate64'],
  [12, 'bzip2'],
  [14, 'LZMA'],
  [93, 'Zstandard'],
  [95, 'xz'],
  [98, 'PPMd'],
]);

async function readEntry(zip: ZipFile, place: Place | undefined): Promise<Buffer> {
  if (!place) throw noSuchEntry();
  checkEntrySize(place.uncompressedSize);
  const entry = Object.assign(new Entry(), place);
  if (entry.isEncrypted()) throw new InputError('encrypted: unpack the archive with its password');
  if (entry.compressionMethod !== 0 && entry.compressionMethod !== 8) {
    const method = METHODS.get(entry.compressionMethod) ?? `method ${entry.compressionMethod}`;
    throw new InputError(`compressed with ${method}, which is not supported: unpack the archive`);
  }
  const bytes = await buffer(await zip.openReadStreamPromise(entry));
  if (crc32(bytes) !== place.crc32) throw new InputError('damaged in the archive: its checksum differs');
  return bytes;
}
