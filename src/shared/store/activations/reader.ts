/** Reads cached activations in any order, from memory or by positioned reads that run ahead of the caller. */
import { unexpected } from '../../errors.ts';
import { widenFloat16 } from '../../float16.ts';
import { partFileReads } from './files.ts';
import {
  ACTIVATION_BYTES,
  type ActivationDtype,
  type ActivationLayout,
  type ActivationPart,
  type ActivationsRequest,
  activationLength,
} from './request.ts';
import { rowIndex } from './row-index.ts';

export interface ActivationReader extends ActivationLayout {
  /** Rows there are: images and views. */
  readonly rows: number;
  /** The row of an image, by the SHA-256 of its file in hex, and a view of it; undefined where it is not cached. */
  rowOf(sha256: string, view: number): number | undefined;
  /**
   * Fills `into` with activations, float32 [rows.length, height, width, channels].
   * @param next the rows that will be read next: reading them from disk begins at once
   * @throws InputError for a row that there is not, and for a file that was changed or cannot be read
   */
  read(rows: Int32Array, into: Float32Array, next?: Int32Array): Promise<void>;
  /** Fills `into` with features that were computed before the cut, [rows.length, dimension]; throws as `read` does. */
  column(name: string, rows: Int32Array, into: Float32Array): Promise<void>;
  close(): Promise<void>;
}

/** One kind of numbers in each row. */
interface RowField {
  rowBytes: number;
  /** Where those of the first row begin. */
  start(part: ActivationPart): number;
}

/** Opens a reader in any thread. Its files are opened as they are needed. */
export function openActivations(request: ActivationsRequest): ActivationReader {
  const { shape, dtype, columns } = request;
  const length = activationLength(request);
  const channels = shape[shape.length - 1];
  const activation: RowField = {
    rowBytes: length * ACTIVATION_BYTES[dtype],
    start: ({ offsets }) => offsets.activation,
  };
  const scale: RowField = { rowBytes: channels * 2, start: ({ offsets }) => offsets.scale };
  const source = rowSource(request);
  const widen = WIDEN[dtype];
  const fetchBoth = (rows: Int32Array) =>
    Promise.all([source.fetch(activation, rows), dtype === 'int8' ? source.fetch(scale, rows) : undefined]);
  let ahead: { rows: Int32Array; fetched: ReturnType<typeof fetchBoth> } | undefined;
  let index: ReturnType<typeof rowIndex> | undefined;
  return {
    shape,
    dtype,
    columns,
    rows: request.views.length,
    rowOf(sha256, view) {
      index ??= rowIndex(request.sha256, request.views);
      return index(sha256, view);
    },
    async read(rows, into, next) {
      checkLength(into, rows.length * length);
      const isAhead = ahead !== undefined && sameRows(ahead.rows, rows);
      const fetched = isAhead ? ahead!.fetched : fetchBoth(rows);
      ahead = undefined;
      if (next) {
        ahead = { rows: Int32Array.from(next), fetched: fetchBoth(next) };
        // Until it is awaited in its turn, a failure must not count as unhandled.
        ahead.fetched.catch(() => {});
      }
      const [activations, scales] = await fetched;
      for (const [i, bytes] of activations.rows.entries())
        widen(bytes, into.subarray(i * length, (i + 1) * length), scales?.rows[i]);
      activations.release();
      scales?.release();
    },
    async column(name, rows, into) {
      const at = columns.findIndex((column) => column.name === name);
      if (at < 0) throw unexpected(columns.map((column) => column.name).join(' or '), 'a column', name);
      const { dimension } = columns[at];
      checkLength(into, rows.length * dimension);
      const field = { rowBytes: dimension * 4, start: ({ offsets }: ActivationPart) => offsets.columns[at] };
      const fetched = await source.fetch(field, rows);
      for (const [i, bytes] of fetched.rows.entries())
        WIDEN.float32(bytes, into.subarray(i * dimension, (i + 1) * dimension));
      fetched.release();
    },
    async close() {
      await ahead?.fetched.catch(() => {});
      await source.close();
    },
  };
}

/** The bytes of some rows: of those in memory views, of others copies. */
interface FetchedRows {
  rows: Uint8Array[];
  /** Lets others be read into the memory of the copies. */
  release(): void;
}

/** Gives the bytes of rows, wherever they are. */
function rowSource({ parts, views }: ActivationsRequest) {
  const files = partFileReads();
  const memory = batchMemory();
  const ends = new Int32Array(parts.length);
  let end = 0;
  for (const [index, { rows }] of parts.entries()) {
    end += rows;
    ends[index] = end;
  }
  return {
    async fetch({ rowBytes, start }: RowField, rows: Int32Array): Promise<FetchedRows> {
      const reads: Promise<void>[] = [];
      let copies: Uint8Array | undefined;
      const found = Array.from(rows, (row, i) => {
        if (!(row >= 0 && row < views.length))
          throw unexpected(`a row below ${views.length}`, 'the activations', row);
        const index = firstAbove(ends, row);
        const { rows: count, bytes, ...part } = parts[index];
        const first = ends[index] - count;
        const position = start({ rows: count, bytes, ...part }) + (row - first) * rowBytes;
        if (bytes instanceof SharedArrayBuffer) return new Uint8Array(bytes, position, rowBytes);
        copies ??= memory.take(rows.length * rowBytes);
        const own = copies.subarray(i * rowBytes, (i + 1) * rowBytes);
        reads.push(files.read(bytes, own, position));
        return own;
      });
      await Promise.all(reads);
      return { rows: found, release: () => void (copies && memory.give(copies)) };
    },
    close: files.close,
  };
}

/** Memory for batches of rows, used again: new memory of a batch is zeroed page by page each time. */
function batchMemory() {
  const spare: Uint8Array[] = [];
  return {
    take(bytes: number): Uint8Array {
      const index = spare.findIndex(({ length }) => length >= bytes);
      return index < 0 ? Buffer.allocUnsafeSlow(bytes) : spare.splice(index, 1)[0];
    },
    give(memory: Uint8Array): void {
      if (spare.push(memory) > MAX_SPARE) spare.shift();
    },
  };
}

/** Batches of activations and scales that are read, and those that are read next. */
const MAX_SPARE = 4;

/** Where the first of rising numbers is that is above `value`. */
function firstAbove(rising: Int32Array, value: number): number {
  let [from, to] = [0, rising.length - 1];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (rising[middle] > value) to = middle;
    else from = middle + 1;
  }
  return from;
}

function sameRows(a: Int32Array, b: Int32Array): boolean {
  return a.length === b.length && a.every((row, i) => row === b[i]);
}

function checkLength(into: Float32Array, length: number): void {
  if (into.length !== length) throw unexpected(`${length} numbers`, 'the memory to read to', into.length);
}

type Widen = (bytes: Uint8Array, into: Float32Array, scale?: Uint8Array) => void;

const WIDEN: Readonly<Record<ActivationDtype, Widen>> = {
  float32: (bytes, into) => into.set(new Float32Array(bytes.buffer, bytes.byteOffset, into.length)),
  float16: (bytes, into) =>
    void widenFloat16(new Uint16Array(bytes.buffer, bytes.byteOffset, into.length), into),
  int8(bytes, into, scale) {
    const halves = new Uint16Array(scale!.buffer, scale!.byteOffset, scale!.length / 2);
    const scales = widenFloat16(halves);
    const numbers = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let start = 0; start < numbers.length; start += scales.length)
      for (let c = 0; c < scales.length; c++) into[start + c] = numbers[start + c] * scales[c];
  },
};
