/** What the images of rows hold, as SHA-256 of their files, packed: as text they would take 100 MB for a million rows. */

/** [rows, 32] bytes. */
export type ContentHashes = Buffer;

const BYTES = 32;

/** Memory for the hashes of so many rows. */
export function contentHashes(rows: number): ContentHashes {
  return Buffer.alloc(rows * BYTES);
}

/** @param hex 64 hex digits */
export function setHash(hashes: ContentHashes, row: number, hex: string): void {
  hashes.write(hex, row * BYTES, BYTES, 'hex');
}

/** The hash of a row, in hex. */
export function hashOf(hashes: ContentHashes, row: number): string {
  return hashes.toString('hex', row * BYTES, (row + 1) * BYTES);
}

/** The hashes of some rows, in their order. */
export function pickHashes(hashes: ContentHashes, rows: Int32Array): ContentHashes {
  const picked = contentHashes(rows.length);
  for (const [to, row] of rows.entries()) hashes.copy(picked, to * BYTES, row * BYTES, (row + 1) * BYTES);
  return picked;
}

/** Negative, 0 or positive, as the hash of row `a` comes before, is, or comes after that of row `b`. */
export function compareHashes(hashes: ContentHashes, a: number, b: number): number {
  return hashes.compare(hashes, b * BYTES, (b + 1) * BYTES, a * BYTES, (a + 1) * BYTES);
}

/**
 * The first row with the same hash, for each row: itself, where there is none before.
 * @param counts whether a row is looked at; one that is not has -1
 */
export function firstWithHash(
  hashes: ContentHashes,
  counts: (row: number) => boolean = () => true,
): Int32Array {
  const rows = hashes.length / BYTES;
  // An open-addressing hash table of rows, at most half full; the hashes are as good as random numbers themselves.
  const last = 2 ** Math.ceil(Math.log2(2 * rows + 1)) - 1;
  const slots = new Int32Array(last + 1).fill(-1);
  return new Int32Array(rows).map((_, row) => {
    if (!counts(row)) return -1;
    let slot = hashes.readUInt32LE(row * BYTES) & last;
    while (slots[slot] >= 0 && compareHashes(hashes, slots[slot], row) !== 0) slot = (slot + 1) & last;
    if (slots[slot] < 0) slots[slot] = row;
    return slots[slot];
  });
}
