/** Bytes changed at random. */
import type { Random } from '../../../src/shared/random.ts';

/** A copy with bits flipped, bytes replaced, a piece repeated, or its end cut off. */
export function fuzzBytes(original: Uint8Array, stream: Random): Buffer {
  const bytes = Buffer.from(original);
  const index = () => stream.integer(bytes.length);
  const kind = stream.integer(4);
  if (kind === 0) for (let i = stream.integer(4); i >= 0; i--) bytes[index()] ^= 1 << stream.integer(8);
  if (kind === 1) for (let i = stream.integer(4); i >= 0; i--) bytes[index()] = stream.integer(256);
  if (kind === 2) return bytes.subarray(0, index());
  if (kind === 3) {
    const [from, to] = [index(), index()].sort((a, b) => a - b);
    return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]);
  }
  return bytes;
}
