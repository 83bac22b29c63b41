/** Finds rows by content and view: an open-addressing hash table over packed hashes. */

const HASH_BYTES = 32;
/** The golden ratio, as Knuth's multiplicative hashing takes it: views of one image do not crowd each other. */
const SPREAD = 0x9e3779b1;

/**
 * @param sha256 [rows, 32] bytes
 * @returns the row of an image file's SHA-256, in hex, and a view; of several the first
 */
export function rowIndex(
  sha256: Uint8Array,
  views: Int16Array,
): (hash: string, view: number) => number | undefined {
  const hashes = Buffer.from(sha256.buffer, sha256.byteOffset, sha256.byteLength);
  const last = 2 ** Math.ceil(Math.log2(2 * views.length + 1)) - 1;
  const slots = new Int32Array(last + 1).fill(-1);
  const slotOf = (hash: Buffer, view: number): number => {
    let slot = (hash.readInt32LE(0) + Math.imul(view, SPREAD)) & last;
    for (; slots[slot] >= 0; slot = (slot + 1) & last) {
      const start = slots[slot] * HASH_BYTES;
      if (views[slots[slot]] === view && hash.compare(hashes, start, start + HASH_BYTES) === 0) break;
    }
    return slot;
  };
  for (const [row, view] of views.entries()) {
    const slot = slotOf(hashes.subarray(row * HASH_BYTES, (row + 1) * HASH_BYTES), view);
    if (slots[slot] < 0) slots[slot] = row;
  }
  return (hash, view) => {
    const row = slots[slotOf(Buffer.from(hash, 'hex'), view)];
    return row < 0 ? undefined : row;
  };
}

/** {@link rowIndex} of the rows of parts, one behind the other. */
export function packedIndex(
  parts: readonly { sha256: Uint8Array; views: Int16Array }[],
): ReturnType<typeof rowIndex> {
  const { sha256, views } = packParts(parts);
  return rowIndex(sha256, views);
}

/** The contents of all rows, in shared memory. */
export function packParts(parts: readonly { sha256: Uint8Array; views: Int16Array }[]) {
  const rows = parts.reduce((sum, { views }) => sum + views.length, 0);
  const sha256 = new Uint8Array(new SharedArrayBuffer(rows * HASH_BYTES));
  const views = new Int16Array(new SharedArrayBuffer(rows * Int16Array.BYTES_PER_ELEMENT));
  let done = 0;
  for (const part of parts) {
    sha256.set(part.sha256, done * HASH_BYTES);
    views.set(part.views, done);
    done += part.views.length;
  }
  return { sha256, views };
}
