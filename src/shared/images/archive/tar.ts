/** Tar archives, read without unpacking them; a compressed one is first unpacked to a temporary .tar file. */
import { createReadStream, createWriteStream } from 'node:fs';
import { type FileHandle, mkdtemp, open, rm, stat, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import { InputError, messageOf } from '../../errors.ts';
import {
  type Archive,
  checkEntrySize,
  checkUnpacked,
  createEntryList,
  damaged,
  type EntryKind,
  type EntryList,
  noSuchEntry,
} from './archive.ts';

/** Tar files consist of blocks of this many bytes (POSIX.1, pax). */
const BLOCK = 512;
const CHUNK = 2 ** 15;
/** Stands in for the contents of files, which are not read to list them. */
const ZEROS = Buffer.alloc(2 ** 20);

/** Where the bytes of a file are. */
interface Place {
  offset: number;
  size: number;
}

/** Takes headers of any age of tar; the types of tar-stream 3.2 lack the option. */
const ANY_FORMAT: Parameters<typeof extract>[0] & { allowUnknownFormat: boolean } = {
  allowUnknownFormat: true,
};

/** @throws InputError for a file that is no tar archive, is cut short, or is beyond the limits of archives */
export async function openTar(file: string): Promise<Archive> {
  const unpacked = (await isGzip(file)) ? await gunzip(file) : undefined;
  const handle = await open(unpacked ? join(unpacked, 'archive.tar') : file);
  const close = async (): Promise<void> => {
    await handle.close();
    if (unpacked) await rm(unpacked, { recursive: true });
  };
  try {
    const { places, notes } = await listEntries(file, handle);
    return {
      entries: [...places.keys()],
      notes: notes(),
      async read(path) {
        const place = places.get(path);
        if (!place) throw noSuchEntry();
        checkEntrySize(place.size);
        return readBytes(handle, place);
      },
      close,
    };
  } catch (thrown) {
    await close();
    throw thrown instanceof InputError ? thrown : damaged('tar', file, messageOf(thrown));
  }
}

async function isGzip(file: string): Promise<boolean> {
  const handle = await open(file);
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await handle.close();
  }
}

/** Unpacks to a folder of its own, as far as limits and the disk allow. */
async function gunzip(file: string): Promise<string> {
  const { size: packed } = await stat(file);
  const folder = await mkdtemp(join(tmpdir(), 'permafrost-tar-'));
  try {
    const { bavail, bsize } = await statfs(folder);
    let unpacked = 0;
    async function* counted(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
      for await (const chunk of chunks) {
        unpacked += chunk.length;
        checkUnpacked(file, unpacked, packed);
        if (unpacked > bavail * bsize)
          throw new InputError(
            `Expected space to unpack ${file} in ${tmpdir()} but ${bavail * bsize} bytes are free there (TMPDIR names another folder)`,
          );
        yield chunk;
      }
    }
    const job = createWriteStream(join(folder, 'archive.tar'));
    await pipeline(createReadStream(file), createGunzip(), counted, job);
    return folder;
  } catch (thrown) {
    await rm(folder, { recursive: true });
    throw thrown instanceof InputError ? thrown : damaged('gzip-compressed tar', file, messageOf(thrown));
  }
}

/** Names and places of all files. Only headers are read from the disk. */
async function listEntries(file: string, handle: FileHandle): Promise<EntryList<Place>> {
  const { size } = await handle.stat();
  const list = createEntryList<Place>(file, size);
  const parser = extract(ANY_FORMAT);
  let end = 0;
  parser.on('entry', (header, contents, next) => {
    const kind = kindOf(header);
    const place = { offset: contents.offset + BLOCK, size: kind === 'folder' ? 0 : header.size };
    end = place.offset + place.size;
    contents.on('error', () => {});
    contents.resume();
    try {
      // Where a number is none, the parser would wait for contents that never come.
      if (!(Number.isSafeInteger(header.size) && header.size >= 0)) throw new Error('a header holds no size');
      if (end > size) throw new Error('it is cut short');
      list.add({ name: header.name, kind, size: place.size }, place);
      next();
    } catch (thrown) {
      next(thrown as Error);
    }
  });
  async function* blocks(): AsyncGenerator<Buffer> {
    for (let offset = 0; offset < size; ) {
      const length = Math.min(end > offset ? end - offset : CHUNK, size - offset, ZEROS.length);
      yield end > offset ? ZEROS.subarray(0, length) : await readBytes(handle, { offset, size: length });
      offset += length;
    }
  }
  const marker = async () => readBytes(handle, { offset: Math.ceil(end / BLOCK) * BLOCK, size: BLOCK });
  try {
    await pipeline(blocks, parser);
  } catch (thrown) {
    // What follows the blocks of zeros at the end of an archive is none of it.
    const isEnd = end <= size && (await marker().catch(() => undefined))?.every((byte) => byte === 0);
    if (!isEnd || thrown instanceof InputError) throw thrown;
  }
  // An archive ends with blocks of zeros; one that ends without is cut short.
  await marker();
  return list;
}

const KINDS: ReadonlyMap<Header['type'], EntryKind> = new Map([
  ['file', 'file'],
  ['contiguous-file', 'file'],
  ['directory', 'folder'],
  ['link', 'link'],
  ['symlink', 'link'],
]);

/** GNU's sparse files hold a map of their holes before or instead of some of their bytes. */
function kindOf({ type, pax }: Header): EntryKind {
  if (Object.keys((pax as object | null) ?? {}).some((key) => key.startsWith('GNU.sparse'))) return 'other';
  return KINDS.get(type) ?? 'other';
}

async function readBytes(handle: FileHandle, { offset, size }: Place): Promise<Buffer> {
  const bytes = Buffer.alloc(size);
  const { bytesRead } = await handle.read(bytes, 0, size, offset);
  if (bytesRead < size) throw new Error('it is cut short');
  return bytes;
}
