/** Reads files whose length and SHA-256 are known; nothing of one is looked at before they have been compared. */
import { createHash } from 'node:crypto';
import type { Stats } from 'node:fs';
import type { InputError } from '../errors.ts';
import { causeOf, disk } from './files.ts';
import type { PartEntry } from './schema.ts';

/** Where the bytes of a part are read to. */
export type PartMemory = (bytes: number) => Buffer;

// A buffer of its own, not a slice of Node's pool: features become aligned views of it.
export const ownMemory: PartMemory = (bytes) => Buffer.allocUnsafeSlow(bytes);

/** Memory for one part at a time: what was read before is overwritten. */
export function sharedMemory(): PartMemory {
  let memory = ownMemory(0);
  return (bytes) => {
    if (memory.length < bytes) memory = ownMemory(bytes);
    return memory.subarray(0, bytes);
  };
}

interface ReadOptions {
  memory: PartMemory;
  /** The error for what is wrong with a file. */
  damaged(problem: string): InputError;
  /** Told what the file was when it was read. */
  seen?(stats: Stats): void;
}

/** The bytes of a file, as they were written. @throws what `damaged` returns, naming the file and what differs */
export async function readChecked(
  path: string,
  { bytes: length, sha256: expected }: Pick<PartEntry, 'bytes' | 'sha256'>,
  { memory, damaged, seen }: ReadOptions,
): Promise<Buffer> {
  const file = await disk.open(path).catch((thrown: unknown) => {
    throw damaged(`${path} cannot be read: ${causeOf(thrown)}`);
  });
  try {
    const stats = await file.stat();
    const { size } = stats;
    if (size !== length) throw damaged(`${path} has ${size} bytes, expected ${length}`);
    const bytes = memory(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await file.read(bytes, filled, length - filled, filled);
      if (bytesRead === 0) throw damaged(`${path} ended at ${filled} of ${length} bytes`);
      filled += bytesRead;
    }
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    if (sha256 !== expected) throw damaged(`${path} has SHA-256 ${sha256}, expected ${expected}`);
    seen?.(stats);
    return bytes;
  } finally {
    await file.close();
  }
}
