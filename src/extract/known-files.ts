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
  const known = trusted
    ? entriesIn(await disk.readFile(path, 'utf8').catch(() => ''))
    : new Map<string, Entry>();
  const current = new Map<string, Entry>();
  const asked = new Map<string, Stamp>();
  let changed = !trusted;
  return {
    async hashOf(name, file) {
      const { size, mtimeMs, ctimeMs, ino } = await disk.stat(file);
      const entry = known.get(name);
      const [, ...stamp] = entry ?? [];
      if (entry && [size, mtimeMs, ctimeMs, ino].every((value, i) => value === stamp[i])) {
        current.set(name, entry);
        return entry[5];
      }
      if (Date.now() - Math.max(mtimeMs, ctimeMs) > SETTLED_MS)
        asked.set(name, { size, mtimeMs, ctimeMs, ino });
      return undefined;
    },
    remember(name, sha256) {
      const stamp = asked.get(name);
      if (!stamp) return;
      asked.delete(name);
      changed = true;
      current.set(name, [name, stamp.size, stamp.mtimeMs, stamp.ctimeMs, stamp.ino, sha256]);
    },
    async save() {
      if (!changed && current.size === known.size) return;
      const lines = Array.from(current.values(), (entry) => `${JSON.stringify(entry)}\n`).join('');
      await writeDurably(path, `${JSON.stringify({ ...HEADER, seal: sealOf(lines) })}\n${lines}`);
    },
  };
}

function sealOf(lines: string): string {
  return createHash('sha256').update(lines).digest('hex');
}

function entriesIn(text: string): Map<string, Entry> {
  const end = text.indexOf('\n') + 1;
  const lines = text.slice(end);
  const header = JSON.stringify({ ...HEADER, seal: sealOf(lines) });
  if (text.slice(0, end) !== `${header}\n`) return new Map();
  // The seal fits: these are the lines that save wrote.
  return new Map(
    lines
      .trimEnd()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Entry)
      .map((entry) => [entry[0], entry]),
  );
}
