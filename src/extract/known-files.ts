/**
 * Remembers the content hash of files by their size and dates, so that a run that finds nothing new need not read
 * every image. It only saves reading: what an image's features are looked up by is always its content hash.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { disk, writeDurably } from '../shared/store/files.ts';
import { FILES_FILE } from '../shared/store/schema.ts';

/** What tells that a file is as it was: `ctime` also shows changes that put size and modification time back. */
interface Stamp {
  size: number;
  mtimeMs: number;
  ctimeMs: number;
  ino: number;
}

export interface KnownFiles {
  /** The hash of a file that has not changed since it was remembered; undefined: it must be read. */
  hashOf(path: string, file: string): Promise<string | undefined>;
  /** Remembers the content of a file that {@link hashOf} was asked about before it was read. */
  remember(path: string, sha256: string): void;
  /** Writes down what is known of the files asked about. */
  save(): Promise<void>;
}

const HEADER = { format: 'permafrost-files', formatVersion: 1 };
/** A file that changed this shortly before it was looked at may change again without another date. */
const SETTLED_MS = 2000;

type Entry = [path: string, size: number, mtimeMs: number, ctimeMs: number, ino: number, sha256: string];

/**
 * Reads what earlier runs remembered in the store at `dir`; a file that is missing or damaged means nothing is known.
 * @param trusted false: every file is read again
 */
export async function openKnownFiles(dir: string, { trusted = true } = {}): Promise<KnownFiles> {
  const path = join(dir, FILES_FILE);
  const known = fileTable();
  if (trusted) fill(known, await disk.readFile(path, 'utf8').catch(() => ''));
  const rowOf = new Map(known.names.map((name, row) => [name, row]));
  const current = fileTable();
  const asked = new Map<string, Stamp>();
  let changed = !trusted;
  return {
    async hashOf(name, file) {
      const { size, mtimeMs, ctimeMs, ino } = await disk.stat(file);
      const stamp = { size, mtimeMs, ctimeMs, ino };
      const row = rowOf.get(name);
      if (row !== undefined && known.isStamp(row, stamp)) {
        current.add(name, stamp, known.hashes[row]);
        return known.hashes[row];
      }
      if (Date.now() - Math.max(mtimeMs, ctimeMs) > SETTLED_MS) asked.set(name, stamp);
      return undefined;
    },
    remember(name, sha256) {
      const stamp = asked.get(name);
      if (!stamp) return;
      asked.delete(name);
      changed = true;
      current.add(name, stamp, sha256);
    },
    async save() {
      if (!changed && current.names.length === known.names.length) return;
      const seal = createHash('sha256');
      for (const lines of linesOf(current)) seal.update(lines);
      await writeDurably(path, textOf(seal.digest('hex'), linesOf(current)));
    },
  };
}

/** Files by row, in arrays of numbers: as objects, a million of them would take three times as much memory. */
interface FileTable {
  names: string[];
  hashes: string[];
  add(name: string, stamp: Stamp, sha256: string): void;
  isStamp(row: number, stamp: Stamp): boolean;
  entry(row: number): Entry;
}

function fileTable(): FileTable {
  const names: string[] = [];
  const hashes: string[] = [];
  // Size, mtimeMs, ctimeMs and ino of each row.
  let stamps = new Float64Array(4 * 256);
  return {
    names,
    hashes,
    add(name, { size, mtimeMs, ctimeMs, ino }, sha256) {
      const at = 4 * names.length;
      if (at === stamps.length) {
        const more = new Float64Array(2 * at);
        more.set(stamps);
        stamps = more;
      }
      stamps.set([size, mtimeMs, ctimeMs, ino], at);
      names.push(name);
      hashes.push(sha256);
    },
    isStamp: (row, { size, mtimeMs, ctimeMs, ino }) =>
      [size, mtimeMs, ctimeMs, ino].every((value, i) => value === stamps[4 * row + i]),
    entry(row) {
      const [size, mtimeMs, ctimeMs, ino] = stamps.subarray(4 * row, 4 * row + 4);
      return [names[row], size, mtimeMs, ctimeMs, ino, hashes[row]];
    },
  };
}

const LINES_AT_A_TIME = 500;

/** One line a file, some hundred of them in a text. */
function* linesOf({ names, entry }: FileTable): Generator<string> {
  for (let row = 0; row < names.length; row += LINES_AT_A_TIME) {
    const length = Math.min(LINES_AT_A_TIME, names.length - row);
    yield Array.from({ length }, (_, i) => `${JSON.stringify(entry(row + i))}\n`).join('');
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

function fill(table: FileTable, text: string): void {
  const start = text.indexOf('\n') + 1;
  const seal = createHash('sha256').update(text.slice(start)).digest('hex');
  if (text.slice(0, start) !== headerOf(seal)) return;
  // The seal fits: these are the lines that save wrote.
  for (let at = start; at < text.length; ) {
    const end = text.indexOf('\n', at);
    const [name, size, mtimeMs, ctimeMs, ino, sha256] = JSON.parse(text.slice(at, end)) as Entry;
    table.add(name, { size, mtimeMs, ctimeMs, ino }, sha256);
    at = end + 1;
  }
}
