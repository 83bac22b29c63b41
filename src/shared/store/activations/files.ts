/** Positioned reads from the part files of a cache, of which a bounded number is open at a time. */
import type { FileHandle } from 'node:fs/promises';
import { InputError } from '../../errors.ts';
import { causeOf, disk } from '../files.ts';
import type { VerifiedFile } from './request.ts';

/** Open files of one reader at most; systems allow a process 1024, or 256. */
const MAX_OPEN = 128;

export interface PartFileReads {
  /** Fills `into` from byte `position` on. @throws InputError for a file that has changed, or that cannot be read */
  read(file: VerifiedFile, into: Uint8Array, position: number): Promise<void>;
  close(): Promise<void>;
}

interface Opened {
  handle: Promise<FileHandle>;
  /** Reads under way. */
  reads: number;
}

/** No file is open until something is read from it. */
export function partFileReads(): PartFileReads {
  // In the order of their last use.
  const opened = new Map<string, Opened>();
  const closing = new Set<Promise<void>>();
  const closeOldest = (): void => {
    for (const [path, { handle, reads }] of opened) {
      if (opened.size < MAX_OPEN) return;
      if (reads > 0) continue;
      opened.delete(path);
      const closed = handle.then((file) => file.close()).catch(() => {});
      closing.add(closed);
      void closed.then(() => closing.delete(closed));
    }
  };
  const open = (file: VerifiedFile): Opened => {
    const before = opened.get(file.path);
    opened.delete(file.path);
    if (!before) closeOldest();
    const now = before ?? { handle: openUnchanged(file), reads: 0 };
    opened.set(file.path, now);
    return now;
  };
  return {
    async read(file, into, position) {
      const one = open(file);
      one.reads++;
      try {
        await fill(await one.handle, file, into, position);
      } finally {
        one.reads--;
      }
    },
    async close() {
      const handles = [...opened.values()].map(({ handle }) => handle.then((file) => file.close()));
      opened.clear();
      await Promise.allSettled([...handles, ...closing]);
    },
  };
}

async function openUnchanged(file: VerifiedFile): Promise<FileHandle> {
  const handle = await disk.open(file.path).catch((thrown: unknown) => {
    throw damaged(file, `cannot be read: ${causeOf(thrown)}`);
  });
  const now = await handle.stat().catch(() => undefined);
  if (now?.size === file.size && now.mtimeMs === file.mtimeMs && now.ino === file.ino) return handle;
  await handle.close();
  throw damaged(file, 'was changed after its checksum had been compared');
}

async function fill(
  handle: FileHandle,
  file: VerifiedFile,
  into: Uint8Array,
  position: number,
): Promise<void> {
  for (let done = 0; done < into.length; ) {
    const { bytesRead } = await handle
      .read(into, done, into.length - done, position + done)
      .catch((thrown: unknown) => {
        throw damaged(file, `cannot be read: ${causeOf(thrown)}`);
      });
    if (bytesRead === 0) throw damaged(file, `ended at ${position + done} of ${file.size} bytes`);
    done += bytesRead;
  }
}

function damaged({ path }: VerifiedFile, problem: string): InputError {
  return damagedActivations(`${path} ${problem}`);
}

/** The error for cached activations that are not as they were written, and the way out. */
export function damagedActivations(problem: string): InputError {
  return new InputError(
    `Damaged activation cache: ${problem}; run fine-tune again to compute what is missing`,
  );
}
