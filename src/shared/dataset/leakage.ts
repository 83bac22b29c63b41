/** What must stay in one split: copies, views, groups and near copies of an image. */

import { wholeNumber } from '../values.ts';
import { type ContentHashes, compareHashes, firstWithHash } from './content-hashes.ts';

/** What decides which rows belong together; every array has one entry a row. */
export interface Grouping {
  hashes: ContentHashes;
  /** Groups that the data name, null for none. */
  groups: readonly (string | null)[];
  /** Perceptual hashes, 16 hex digits; null where not known. */
  phashes: readonly (string | null)[];
}

/** Beyond this many bits, images that have nothing in common would be joined. */
export const NEAR_BITS = wholeNumber(0, 12);
/** Where no number is given: catches re-encoded and resized copies (see docs/datasets.md). */
export const DEFAULT_NEAR_BITS = 4;

/**
 * The rows that belong together have the same number: the first row that has the smallest content hash among them.
 * That hash stays the same when other images are added, as long as none of them belongs there too.
 * @param nearBits bits in which perceptual hashes of near copies differ at most; undefined: near copies may part
 */
export function groupIdsOf({ hashes, groups, phashes }: Grouping, nearBits?: number): Int32Array {
  const parent = firstWithHash(hashes);
  const rows = parent.length;
  const root = (row: number): number => {
    let ancestor = row;
    while (parent[ancestor] !== ancestor) {
      parent[ancestor] = parent[parent[ancestor]];
      ancestor = parent[ancestor];
    }
    return ancestor;
  };
  const join = (a: number, b: number): void => {
    parent[root(a)] = root(b);
  };
  joinEqual(groups, join);
  if (nearBits !== undefined) joinNear(phashes, nearBits, join);
  const smallest = new Int32Array(rows).fill(-1);
  for (let row = 0; row < rows; row++) {
    const group = root(row);
    if (smallest[group] < 0 || compareHashes(hashes, row, smallest[group]) < 0) smallest[group] = row;
  }
  return parent.map((_, row) => smallest[root(row)]);
}

type Join = (a: number, b: number) => void;

/** @returns the first row of each value */
function joinEqual(values: readonly (string | null)[], join: Join): Map<string, number> {
  const first = new Map<string, number>();
  for (let row = 0; row < values.length; row++) {
    const value = values[row];
    if (value === null) continue;
    const existing = first.get(value);
    if (existing === undefined) first.set(value, row);
    else join(row, existing);
  }
  return first;
}

/**
 * Of two hashes that differ in at most `bits` bits, cut into bits + 1 pieces, at least one piece is equal: only rows
 * that share a piece are compared.
 */
function joinNear(phashes: readonly (string | null)[], bits: number, join: Join): void {
  const distinct = joinEqual(phashes, join);
  const rows = Int32Array.from(distinct.values());
  const high = Uint32Array.from(distinct.keys(), (phash) => Number.parseInt(phash.slice(0, 8), 16));
  const low = Uint32Array.from(distinct.keys(), (phash) => Number.parseInt(phash.slice(8), 16));
  const binary = Array.from(distinct.keys(), (phash) => BigInt(`0x${phash}`).toString(2).padStart(64, '0'));
  for (let piece = 0; piece <= bits; piece++) {
    const [from, to] = [piece, piece + 1].map((edge) => Math.floor((64 * edge) / (bits + 1)));
    const sharing = new Map<string, number[]>();
    for (const [index, text] of binary.entries()) {
      const key = text.slice(from, to);
      const others = sharing.get(key);
      if (!others) sharing.set(key, [index]);
      else {
        for (const other of others) {
          if (ones(high[index] ^ high[other]) + ones(low[index] ^ low[other]) <= bits)
            join(rows[index], rows[other]);
        }
        others.push(index);
      }
    }
  }
}

/** Number of bits set in 32. */
function ones(value: number): number {
  let v = value - ((value >>> 1) & 0x55555555);
  v = (v & 0x33333333) + ((v >>> 2) & 0x33333333);
  return (((v + (v >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24;
}
