/** Weights and models changed at random. */
import { random } from '../../../src/shared/random.ts';

/** A copy, another for each `seed`: cut short, bits flipped, a huge number written, a run of bytes overwritten. */
export function fuzzModelFile(bytes: Buffer, seed: number): Buffer {
  const stream = random(seed, 'mutations');
  const below = (limit: number): number => Math.floor(stream.uniform() * limit);
  const copy = Buffer.from(bytes);
  // Half of the damage goes where a file says what it holds.
  const place = (): number => below(seed % 8 < 4 ? Math.min(bytes.length, 4096) : bytes.length);
  switch (seed % 4) {
    case 0:
      return copy.subarray(0, below(bytes.length));
    case 1:
      for (let flip = 0; flip < 8; flip++) copy[place()] ^= 1 << below(8);
      return copy;
    case 2:
      copy.writeBigUInt64LE(0x00ff_ffff_ffff_fff0n, Math.min(place(), bytes.length - 8) & ~7);
      return copy;
    default: {
      const start = Math.min(place(), bytes.length - 64);
      return copy.fill(below(256), start, start + 64);
    }
  }
}
