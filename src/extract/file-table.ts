/**
 * Files by their paths, outside of JavaScript's heap: as objects and strings, a million of them would take three times as
 * much memory, and five million more than a heap holds.
 */

/** What tells that a file is as it was: `ctime` also shows changes that put size and modification time back. */
export interface Stamp {
  size: number;
  mtimeMs: number;
  ctimeMs: number;
  ino: number;
}

/** One file of a table. */
export interface FileEntry extends Stamp {
  path: string;
  /** SHA-256 of its content, in hex. */
  sha256: string;
}

export interface FileTable {
  readonly rows: number;
  /** The row of a path, or -1. */
  find(path: string): number;
  /** Adds a file, or replaces what is known of it; returns its row. */
  put(entry: FileEntry): number;
  isStamp(row: number, stamp: Stamp): boolean;
  sha256(row: number): string;
  entry(row: number): FileEntry;
}

/** Rows in a block of numbers and hashes: tables grow by blocks, since doubling would need both copies at a time. */
const BLOCK_ROWS = 1 << 16;
/** Bytes in a block of paths; longer than any path. */
export const BLOCK_BYTES = 1 << 24;
const HASH_BYTES = 32;
/** The numbers of a row; the last two are where its path begins and ends in the blocks of paths. */
const [SIZE, MTIME, CTIME, INO, START, END] = [0, 1, 2, 3, 4, 5];
const NUMBERS = 6;
const FIRST_SLOTS = 1 << 10;

/** An empty table. */
export function fileTable(): FileTable {
  const paths = pathBlocks();
  const numbers: Float64Array[] = [];
  const hashes: Buffer[] = [];
  let rows = 0;
  // An open-addressing hash table of row numbers counted from 1, at most half full.
  let slots = new Int32Array(FIRST_SLOTS);

  const blockOf = (row: number) => Math.floor(row / BLOCK_ROWS);
  const number = (row: number, column: number): number =>
    numbers[blockOf(row)][(row % BLOCK_ROWS) * NUMBERS + column];
  const setNumbers = (row: number, values: readonly number[], column: number): void =>
    numbers[blockOf(row)].set(values, (row % BLOCK_ROWS) * NUMBERS + column);
  const hashAt = (row: number): number => (row % BLOCK_ROWS) * HASH_BYTES;
  const sha256 = (row: number): string =>
    hashes[blockOf(row)].toString('hex', hashAt(row), hashAt(row) + HASH_BYTES);
  const isPath = (row: number, path: Buffer): boolean =>
    paths.isAt(number(row, START), number(row, END), path);
  /** The slot of a path, or the empty one where it belongs. */
  const slotOf = (path: Buffer): number => {
    const last = slots.length - 1;
    let slot = spread(path) & last;
    while (slots[slot] !== 0 && !isPath(slots[slot] - 1, path)) slot = (slot + 1) & last;
    return slot;
  };
  const grow = (): void => {
    slots = new Int32Array(2 * slots.length);
    for (let row = 0; row < rows; row++)
      slots[slotOf(paths.read(number(row, START), number(row, END)))] = row + 1;
  };
  const add = (path: Buffer): number => {
    if (2 * rows >= slots.length) grow();
    if (rows % BLOCK_ROWS === 0) {
      numbers.push(new Float64Array(BLOCK_ROWS * NUMBERS));
      hashes.push(Buffer.alloc(BLOCK_ROWS * HASH_BYTES));
    }
    const row = rows++;
    setNumbers(row, paths.append(path), START);
    slots[slotOf(path)] = rows;
    return row;
  };

  return {
    get rows() {
      return rows;
    },
    find: (path) => slots[slotOf(Buffer.from(path))] - 1,
    put({ path, size, mtimeMs, ctimeMs, ino, sha256: hash }) {
      const bytes = Buffer.from(path);
      const existing = slots[slotOf(bytes)] - 1;
      const row = existing < 0 ? add(bytes) : existing;
      setNumbers(row, [size, mtimeMs, ctimeMs, ino], SIZE);
      hashes[blockOf(row)].write(hash, hashAt(row), HASH_BYTES, 'hex');
      return row;
    },
    isStamp: (row, { size, mtimeMs, ctimeMs, ino }) =>
      number(row, SIZE) === size &&
      number(row, MTIME) === mtimeMs &&
      number(row, CTIME) === ctimeMs &&
      number(row, INO) === ino,
    sha256,
    entry: (row) => ({
      path: paths.read(number(row, START), number(row, END)).toString(),
      size: number(row, SIZE),
      mtimeMs: number(row, MTIME),
      ctimeMs: number(row, CTIME),
      ino: number(row, INO),
      sha256: sha256(row),
    }),
  };
}

/** Texts one behind the other, none of them across two blocks. */
function pathBlocks() {
  const blocks: Buffer[] = [];
  let end = 0;
  return {
    /** Where the path begins and ends. */
    append(path: Buffer): [start: number, end: number] {
      if (end + path.length > blocks.length * BLOCK_BYTES) {
        end = blocks.length * BLOCK_BYTES;
        blocks.push(Buffer.alloc(BLOCK_BYTES));
      }
      const start = end;
      path.copy(blocks[blocks.length - 1], start % BLOCK_BYTES);
      end += path.length;
      return [start, end];
    },
    read(start: number, to: number): Buffer {
      const first = start % BLOCK_BYTES;
      return blocks[Math.floor(start / BLOCK_BYTES)].subarray(first, first + to - start);
    },
    isAt(start: number, to: number, path: Buffer): boolean {
      const first = start % BLOCK_BYTES;
      const block = blocks[Math.floor(start / BLOCK_BYTES)];
      return (
        to - start === path.length && block.compare(path, 0, path.length, first, first + path.length) === 0
      );
    },
  };
}

/** The 32-bit FNV-1a hash (Fowler, Noll and Vo), its high bits folded in. */
function spread(bytes: Buffer): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
  return hash ^ (hash >>> 15);
}
