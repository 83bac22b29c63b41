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
  const records = rowBlocks();
  const pathOf = (row: number): Buffer => paths.read(records.number(row, START), records.number(row, END));
  const isPath = (row: number, path: Buffer): boolean =>
    paths.isAt(records.number(row, START), records.number(row, END), path);
  const slots = pathSlots(pathOf, isPath);

  return {
    get rows() {
      return records.rows;
    },
    find: (path) => slots.find(Buffer.from(path)),
    put({ path, size, mtimeMs, ctimeMs, ino, sha256 }) {
      const bytes = Buffer.from(path);
      let row = slots.find(bytes);
      if (row < 0) {
        row = records.add();
        records.setNumbers(row, paths.append(bytes), START);
        slots.add(bytes, row);
      }
      records.setNumbers(row, [size, mtimeMs, ctimeMs, ino], SIZE);
      records.setHash(row, sha256);
      return row;
    },
    isStamp: (row, { size, mtimeMs, ctimeMs, ino }) =>
      records.number(row, SIZE) === size &&
      records.number(row, MTIME) === mtimeMs &&
      records.number(row, CTIME) === ctimeMs &&
      records.number(row, INO) === ino,
    sha256: records.hash,
    entry: (row) => ({
      path: pathOf(row).toString(),
      size: records.number(row, SIZE),
      mtimeMs: records.number(row, MTIME),
      ctimeMs: records.number(row, CTIME),
      ino: records.number(row, INO),
      sha256: records.hash(row),
    }),
  };
}

/** The numbers and the hash of each row. */
function rowBlocks() {
  const numbers: Float64Array[] = [];
  const hashes: Buffer[] = [];
  let rows = 0;
  const blockOf = (row: number) => Math.floor(row / BLOCK_ROWS);
  const hashAt = (row: number): number => (row % BLOCK_ROWS) * HASH_BYTES;
  return {
    get rows() {
      return rows;
    },
    /** Adds a row of zeros and returns its number. */
    add(): number {
      if (rows % BLOCK_ROWS === 0) {
        numbers.push(new Float64Array(BLOCK_ROWS * NUMBERS));
        hashes.push(Buffer.alloc(BLOCK_ROWS * HASH_BYTES));
      }
      return rows++;
    },
    number: (row: number, column: number): number =>
      numbers[blockOf(row)][(row % BLOCK_ROWS) * NUMBERS + column],
    /** @param column of the first of the values */
    setNumbers(row: number, values: readonly number[], column: number): void {
      numbers[blockOf(row)].set(values, (row % BLOCK_ROWS) * NUMBERS + column);
    },
    hash: (row: number): string =>
      hashes[blockOf(row)].toString('hex', hashAt(row), hashAt(row) + HASH_BYTES),
    setHash(row: number, hash: string): void {
      hashes[blockOf(row)].write(hash, hashAt(row), HASH_BYTES, 'hex');
    },
  };
}

/** Rows by their paths: an open-addressing hash table of row numbers counted from 1, at most half full. */
function pathSlots(pathOf: (row: number) => Buffer, isPath: (row: number, path: Buffer) => boolean) {
  let slots = new Int32Array(FIRST_SLOTS);
  let rows = 0;
  /** The slot of a path, or the empty one where it belongs. */
  const slotOf = (path: Buffer): number => {
    const last = slots.length - 1;
    let slot = spread(path) & last;
    while (slots[slot] !== 0 && !isPath(slots[slot] - 1, path)) slot = (slot + 1) & last;
    return slot;
  };
  const grow = (): void => {
    slots = new Int32Array(2 * slots.length);
    for (let row = 0; row < rows; row++) slots[slotOf(pathOf(row))] = row + 1;
  };
  return {
    /** The row of a path, or -1. */
    find: (path: Buffer): number => slots[slotOf(path)] - 1,
    /** Adds the path of the next row. */
    add(path: Buffer, row: number): void {
      if (2 * rows >= slots.length) grow();
      slots[slotOf(path)] = row + 1;
      rows = row + 1;
    },
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
