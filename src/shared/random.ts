/** Seeded random numbers: every draw in permafrost comes from a stream named by a seed and a purpose. */
import { createHash } from 'node:crypto';
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** A stream of random numbers. */
export interface Random {
  /** Uniform in [0, 1). */
  uniform(): number;
  /** A whole number from 0 to `below` - 1. */
  integer(below: number): number;
  /** Standard normal (Box-Muller). */
  normal(): number;
}

/**
 * The stream for a seed and a purpose (`random(7, 'shuffle', epoch)`): streams of different purposes are
 * independent, so adding a draw in one place never changes the numbers of another.
 */
export function random(seed: number, ...purpose: (string | number)[]): Random {
  const digest = createHash('sha256')
    .update(JSON.stringify([seed, ...purpose]))
    .digest();
  const generator = xoroshiro128plus(digest.readInt32LE(0));
  const uniform = () => uniformFloat64(generator);
  return {
    uniform,
    integer: (below) => uniformInt(generator, 0, below - 1),
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
  };
}

/** Fisher-Yates, in place; returns the same array. */
export function shuffle<A extends { length: number; [index: number]: unknown }>(items: A, stream: Random): A {
  for (let last = items.length - 1; last > 0; last--) {
    const other = stream.integer(last + 1);
    const previous = items[last];
    items[last] = items[other];
    items[other] = previous;
  }
  return items;
}
