/** Opening an HDF5 file with h5wasm, which trusts its input: whole and of the right kind is checked before. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { resolve } from 'node:path';
import h5wasm, { type File } from 'h5wasm/node';
import { InputError, messageOf, unexpected } from '../errors.ts';

/**
 * Opens a file for reading; throws an InputError that names the file and what is wrong with it.
 * @param file where its bytes are, if not at `path` itself
 */
export async function openHdf5(path: string, file = path): Promise<File> {
  checkSuperblock(path, file);
  const module = await h5wasm.ready;
  module.activate_throwing_error_handler();
  return guarded(path, () => new h5wasm.File(resolve(file), 'r'));
}

/** Runs a read of an open file; whatever h5wasm throws on damaged content becomes an InputError. */
export function guarded<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof InputError) throw thrown;
    const reason = messageOf(thrown).trimEnd().split('\n').at(-1)?.trim();
    throw new InputError(`Expected a readable HDF5 file at ${path}, but it is damaged: ${reason}`);
  }
}

/** Closes a file that was read; on damaged content this fails once more, which adds nothing to what was reported. */
export function closeQuietly(file: File): void {
  try {
    file.close();
  } catch {
    // Reported when it was read.
  }
}

const SIGNATURE = Buffer.from('\x89HDF\r\n\x1a\n', 'latin1');
/** Where a superblock keeps the file's length, by its version (HDF5 File Format Specification, II.A). */
const END_OF_FILE = [40, 44, 28, 28];
const SUPERBLOCK_BYTES = 52;

/** Compares the file's length with the one its first block records, which exposes any truncation. */
function checkSuperblock(path: string, file: string): void {
  const { block, size } = readStart(path, file);
  if (!block.subarray(0, 8).equals(SIGNATURE)) {
    throw unexpected('an HDF5 file (.h5)', path, size === 0 ? 'an empty file' : kindOf(block));
  }
  const version = block[8];
  const offset = END_OF_FILE[version];
  const addressBytes = block[version < 2 ? 13 : 9];
  if (block.length < SUPERBLOCK_BYTES || offset === undefined || addressBytes !== 8) {
    throw new InputError(`Expected a readable HDF5 file at ${path}, but its first block is damaged`);
  }
  const recorded = Number(block.readBigUInt64LE(offset));
  if (recorded > size) {
    throw new InputError(`Expected ${recorded} bytes in ${path} but found ${size}: the file is cut short`);
  }
}

function readStart(path: string, file: string): { block: Buffer; size: number } {
  let opened: number;
  try {
    opened = openSync(file, 'r');
  } catch (thrown) {
    throw new InputError(`Expected a readable HDF5 file at ${path}: ${messageOf(thrown)}`);
  }
  try {
    const block = Buffer.alloc(SUPERBLOCK_BYTES);
    const read = readSync(opened, block, 0, SUPERBLOCK_BYTES, 0);
    return { block: block.subarray(0, read), size: fstatSync(opened).size };
  } catch (thrown) {
    throw new InputError(`Expected a readable HDF5 file at ${path}: ${messageOf(thrown)}`);
  } finally {
    closeSync(opened);
  }
}

function kindOf(block: Buffer): string {
  return block.subarray(0, 2).toString('latin1') === 'PK'
    ? 'a zip archive (is it a .keras file?)'
    : 'other content';
}
