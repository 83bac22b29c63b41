/** What an unfinished sweep keeps on disk, with checksums: what was altered since is refused, not gone on from. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { InputError } from '../errors.ts';
import { causeOf, writeDurablySync } from '../store/files.ts';

/** The folder inside a run in which all of it is; it goes when the run is whole. */
export const FOLDER = 'unfinished';

const SHA256_BYTES = 32;
/** Hex digits in front of a line. */
const LINE_DIGITS = 16;

/** Writes a file as a whole or not at all: the SHA-256 of some pieces, then the pieces. @throws as {@link writeDurablySync} */
export function writeChecksummed(path: string, ...pieces: readonly Uint8Array[]): void {
  writeDurablySync(path, [sha256(...pieces), ...pieces]);
}

/**
 * The bytes that {@link writeChecksummed} wrote.
 * @throws InputError when they cannot be read or are others
 */
export function readChecksummed(path: string): Uint8Array {
  let file: Buffer;
  try {
    file = readFileSync(path);
  } catch (thrown) {
    throw damaged(path, causeOf(thrown));
  }
  // A copy, whose buffer begins with it.
  const bytes = Uint8Array.from(file.subarray(SHA256_BYTES));
  if (!sha256(bytes).equals(file.subarray(0, SHA256_BYTES))) throw damaged(path, 'another checksum');
  return bytes;
}

/** A line of a file that grows: a checksum, and JSON. */
export function checksummedLine(value: unknown): string {
  const json = JSON.stringify(value);
  return `${lineChecksum(json)} ${json}\n`;
}

/** What {@link checksummedLine} was given. @throws InputError when the line is another */
export function parseChecksummedLine(line: string, where: string): unknown {
  const json = line.slice(LINE_DIGITS + 1);
  if (line.slice(0, LINE_DIGITS) !== lineChecksum(json)) throw damaged(where, 'another checksum');
  return JSON.parse(json);
}

function lineChecksum(json: string): string {
  return sha256(json).toString('hex').slice(0, LINE_DIGITS);
}

function sha256(...pieces: readonly (Uint8Array | string)[]): Buffer {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.digest();
}

function damaged(where: string, found: string): InputError {
  return new InputError(
    `Expected ${where} as it was written but found ${found}: remove the folder ${FOLDER} around it to train all heads again`,
  );
}
