/**
 * Remembers the content hash of files by their size and dates, so that a run that finds nothing new need not read
 * every image. It only saves reading: what an image's features are looked up by is always its content hash.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { messageOf, unexpected } from '../shared/errors.ts';
import { asMatching, asNumber, asText, parseJson } from '../shared/fields.ts';
import { causeOf, codeOf, disk, jsonLines, writeDurably } from '../shared/store/files.ts';
import { FILES_FILE } from '../shared/store/schema.ts';
import { BLOCK_BYTES, type FileEntry, type FileTable, fileTable, type Stamp } from './file-table.ts';

export interface KnownFiles {
  /** The hash of a file that has not changed since it was remembered; undefined: it must be read. */
  hashOf(path: string, file: string): Promise<string | undefined>;
  /** Remembers the content of a file that {@link hashOf} did not know. */
  remember(path: string, sha256: string): void;
  /** Writes down what is known of this run's files. @throws InputError naming the file and the cause */
  save(): Promise<void>;
}

const HEADER = { format: 'permafrost-files', formatVersion: 1 };
/** A file that changed this shortly before it was looked at may change again without another date. */
const SETTLED_MS = 2000;

/** One line of the file. */
type Line = [path: string, size: number, mtimeMs: number, ctimeMs: number, ino: number, sha256: string];

/**
 * Reads what earlier runs remembered in the store at `dir`. Without such a file nothing is known; nor is with one that
 * is damaged or cannot be read, which `warn` is told.
 * @param trusted false: every file is read again
 */
export async function openKnownFiles(
  dir: string,
  { trusted = true, warn = () => {} }: { trusted?: boolean; warn?: (message: string) => void } = {},
): Promise<KnownFiles> {
  const path = join(dir, FILES_FILE);
  const table = (trusted && (await readFiles(path, warn))) || fileTable();
  const before = table.rows;
  // The rows that this run looked up, which are those that stay.
  const current = marks();
  const requested = new Map<string, Stamp>();
  let changed = !trusted;
  return {
    async hashOf(name, file) {
      const { size, mtimeMs, ctimeMs, ino } = await disk.stat(file);
      const stamp = { size, mtimeMs, ctimeMs, ino };
      const row = table.find(name);
      if (row >= 0 && table.isStamp(row, stamp)) {
        current.add(row);
        return table.sha256(row);
      }
      if (Date.now() - Math.max(mtimeMs, ctimeMs) > SETTLED_MS) requested.set(name, stamp);
      return undefined;
    },
    remember(name, sha256) {
      const stamp = requested.get(name);
      if (!stamp) return;
      requested.delete(name);
      changed = true;
      current.add(table.put({ path: name, ...stamp, sha256 }));
    },
    async save() {
      if (!changed && current.count === before) return;
      const seal = createHash('sha256');
      for (const lines of jsonLines(linesOf(table, current.has))) seal.update(lines);
      await writeDurably(path, textOf(seal.digest('hex'), jsonLines(linesOf(table, current.has))));
    },
  };
}

/** A set of row numbers, a byte each. */
function marks() {
  let marked = new Uint8Array(256);
  let count = 0;
  return {
    get count() {
      return count;
    },
    has: (row: number) => marked[row] === 1,
    add(row: number): void {
      if (row >= marked.length) {
        const more = new Uint8Array(2 * row);
        more.set(marked);
        marked = more;
      }
      if (marked[row] === 0) count++;
      marked[row] = 1;
    },
  };
}

function* linesOf(table: FileTable, isListed: (row: number) => boolean): Generator<Line> {
  for (let row = 0; row < table.rows; row++) {
    if (!isListed(row)) continue;
    const { path, size, mtimeMs, ctimeMs, ino, sha256 } = table.entry(row);
    yield [path, size, mtimeMs, ctimeMs, ino, sha256];
  }
}

/** The seal is the SHA-256 of all lines behind the first. */
function headerOf(seal: string): string {
  return `${JSON.stringify({ ...HEADER, seal })}\n`;
}

function* textOf(seal: string, lines: Iterable<string>): Generator<string> {
  yield headerOf(seal);
  yield* lines;
}

const PIECE_BYTES = 1 << 20;

async function readFiles(path: string, warn: (message: string) => void): Promise<FileTable | undefined> {
  const file = await disk.open(path).catch((thrown: unknown) => {
    if (codeOf(thrown) !== 'ENOENT') warn(notKnown(path, causeOf(thrown)));
    return undefined;
  });
  if (!file) return undefined;
  try {
    return await filesIn(file, path);
  } catch (thrown) {
    warn(notKnown(path, codeOf(thrown) === '' ? messageOf(thrown) : causeOf(thrown)));
    return undefined;
  } finally {
    await file.close();
  }
}

function notKnown(path: string, reason: string): string {
  return `${path} cannot be used (${reason}): every image is read again`;
}

/** The table of a file, read piece by piece; what its lines say counts once the seal fits. */
async function filesIn(file: Awaited<ReturnType<typeof disk.open>>, path: string): Promise<FileTable> {
  const table = fileTable();
  const seal = createHash('sha256');
  const memory = Buffer.alloc(PIECE_BYTES);
  let header: string | undefined;
  let rest = Buffer.alloc(0);
  for (;;) {
    const { bytesRead } = await file.read(memory, 0, memory.length);
    if (bytesRead === 0) break;
    const piece = Buffer.concat([rest, memory.subarray(0, bytesRead)]);
    let start = 0;
    for (let end = piece.indexOf(0x0a); end >= 0; end = piece.indexOf(0x0a, start)) {
      const line = piece.subarray(start, end + 1);
      start = end + 1;
      if (header === undefined) header = line.toString();
      else {
        seal.update(line);
        table.put(entryOf(line, path));
      }
    }
    rest = piece.subarray(start);
    if (rest.length >= BLOCK_BYTES) throw unexpected('lines of files', path, 'a line without an end');
  }
  if (rest.length > 0 || header !== headerOf(seal.digest('hex')))
    throw new Error('it is not as it was written');
  return table;
}

function entryOf(line: Buffer, path: string): FileEntry {
  const fields = parseJson(line.toString(), path);
  if (!Array.isArray(fields) || fields.length !== 6) throw unexpected('six fields a line', path, fields);
  const [name, ...numbers]: unknown[] = fields;
  const sha256 = numbers.pop();
  const [size, mtimeMs, ctimeMs, ino] = numbers.map((value) => asNumber(value, path));
  return {
    path: asText(name, path),
    size,
    mtimeMs,
    ctimeMs,
    ino,
    sha256: asMatching(sha256, path, /^[0-9a-f]{64}$/, '64 hexadecimal digits'),
  };
}
