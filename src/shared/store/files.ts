/** Files that are there as a whole or not at all, whatever happens in between. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { InputError, messageOf } from '../errors.ts';

/**
 * Every file-system call that a store makes. It is a table so that a test can make the n-th call fail and look at
 * what is left; nothing else replaces its entries.
 */
export const disk = { open, readdir, readFile, rename, rm, stat, mkdir, utimes };

/** What the codes of file-system errors mean to the person at the keyboard. */
const CAUSES: ReadonlyMap<string, string> = new Map([
  ['ENOSPC', 'the disk is full'],
  ['EDQUOT', 'the disk quota is used up'],
  ['EFBIG', 'files may not be that large here'],
  ['EROFS', 'the file system is read-only'],
  ['EACCES', 'no permission'],
  ['EPERM', 'no permission'],
  ['ENOENT', 'no such file or folder'],
  ['EISDIR', 'it is a folder'],
  ['EEXIST', 'something that is not a folder is in its place'],
  ['ENOTDIR', 'part of its path is a file, not a folder'],
  ['EIO', 'the disk or the network folder fails'],
  ['ESTALE', 'the network folder is gone'],
  ['ENOTCONN', 'the network folder is gone'],
  ['ETIMEDOUT', 'the network folder does not respond'],
  ['ENAMETOOLONG', 'the name is too long'],
  ['EMFILE', 'too many files are open'],
]);

/** The code of a file-system error (`ENOENT`), or nothing. */
export function codeOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
}

/** Why a file-system call failed, for a sentence that names the path: `it is not there (ENOENT)`. */
export function causeOf(thrown: unknown): string {
  const code = codeOf(thrown);
  const cause = CAUSES.get(code);
  return cause ? `${cause} (${code})` : messageOf(thrown);
}

/** A file-system error as an {@link InputError}: `Cannot write PATH: the disk is full (ENOSPC)`. */
export function diskError(action: string, path: string, thrown: unknown): InputError {
  return new InputError(`Cannot ${action} ${path}: ${causeOf(thrown)}`);
}

type Content = Uint8Array | string;

/**
 * Writes a file under a temporary name beside its own, flushes it to the disk and renames it, so that after a crash
 * or a power failure the file has either its old or its new content. Every file that permafrost replaces is written by it.
 * @param content several pieces are written one behind the other
 * @throws InputError naming the file and the cause, and whatever `content` throws
 */
export async function writeDurably(
  path: string,
  content: Content | Iterable<Content> | AsyncIterable<Content>,
): Promise<void> {
  const temporary = `${path}.tmp`;
  const failed = (thrown: unknown): never => {
    throw diskError('write', path, thrown);
  };
  try {
    const handle = await disk.open(temporary, 'w').catch(failed);
    try {
      const isOne = typeof content === 'string' || content instanceof Uint8Array;
      for await (const block of blocks(isOne ? [content] : content))
        await handle.writeFile(block).catch(failed);
      await handle.sync().catch(failed);
    } finally {
      await handle.close();
    }
    await disk.rename(temporary, path).catch(failed);
    await syncFolder(dirname(path)).catch(failed);
  } catch (thrown) {
    await disk.rm(temporary, { force: true }).catch(() => {});
    throw thrown;
  }
}

/** Text that is written at once: a call for each line of a long file would take most of the time. */
const BLOCK_LENGTH = 65_536;

/** The same content in fewer pieces. */
async function* blocks(pieces: Iterable<Content> | AsyncIterable<Content>): AsyncGenerator<Content> {
  let text = '';
  for await (const piece of pieces) {
    if (typeof piece === 'string') text += piece;
    if (typeof piece === 'string' && text.length < BLOCK_LENGTH) continue;
    if (text !== '') yield text;
    text = '';
    if (typeof piece !== 'string') yield piece;
  }
  if (text !== '') yield text;
}

/**
 * {@link writeDurably} for callers that must not give way to other work in between: a head is recorded before the next
 * message of a worker is looked at.
 */
export function writeDurablySync(path: string, content: readonly Uint8Array[]): void {
  const temporary = `${path}.tmp`;
  try {
    const file = openSync(temporary, 'w');
    try {
      for (const piece of content) writeFully(file, piece);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
    syncFolderSync(dirname(path));
  } catch (thrown) {
    rmSync(temporary, { force: true });
    throw diskError('write', path, thrown);
  }
}

/** Writes all of `bytes` to an open file. */
export function writeFully(file: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
}

/** Lines of JSON that are written at once. */
const LINES_AT_A_TIME = 500;

/** Values as lines of JSON, some hundred of them in a text: millions of lines would not fit into one string. */
export function* jsonLines(values: Iterable<unknown>): Generator<string> {
  let lines: string[] = [];
  for (const value of values) {
    if (lines.push(`${JSON.stringify(value)}\n`) < LINES_AT_A_TIME) continue;
    yield lines.join('');
    lines = [];
  }
  if (lines.length > 0) yield lines.join('');
}

/** Makes a folder and those above it, where they are missing, and makes them last. */
export async function makeFolder(path: string): Promise<void> {
  try {
    const first = await makeMissing(resolve(path));
    if (first !== undefined) await syncFolder(dirname(first));
  } catch (thrown) {
    throw diskError('make the folder', path, thrown);
  }
}

/**
 * Node's own recursive mkdir never ends where a file system takes no folders (/proc).
 * @returns the topmost folder that was missing
 */
async function makeMissing(path: string): Promise<string | undefined> {
  const make = async (): Promise<string | undefined> => {
    try {
      await disk.mkdir(path);
      return path;
    } catch (thrown) {
      if (codeOf(thrown) !== 'ENOENT' && (await disk.stat(path)).isDirectory()) return undefined;
      throw thrown;
    }
  };
  try {
    return await make();
  } catch (thrown) {
    if (codeOf(thrown) !== 'ENOENT' || dirname(path) === path) throw thrown;
    const first = await makeMissing(dirname(path));
    const own = await make();
    return first ?? own;
  }
}

/** {@link syncFolder}, at once. */
function syncFolderSync(path: string): void {
  if (process.platform === 'win32') return;
  const handle = openSync(path, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** Makes a rename inside a folder last; Windows neither needs nor allows it. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await disk.open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
