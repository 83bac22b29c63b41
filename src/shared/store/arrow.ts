/** Arrow IPC files of columns that are in memory. */
import {
  type Data,
  type Field,
  FixedSizeBinary,
  makeData,
  RecordBatch,
  RecordBatchFileWriter,
  Schema,
  Struct,
  Table,
  Utf8,
} from 'apache-arrow';

/** Pieces of a file of fewer bytes are joined: a part takes few writes. */
const SMALL_PIECE = 1 << 16;

/**
 * The file of one batch of `length` rows, piece by piece: long columns are views of their own memory, since a part in one
 * piece would be garbage of its size each time.
 */
export async function arrowFile(fields: readonly [Field, Data][], length: number): Promise<Uint8Array[]> {
  const schema = new Schema(fields.map(([field]) => field));
  const children = fields.map(([, data]) => data);
  const batch = new RecordBatch(
    schema,
    makeData({ type: new Struct(schema.fields), length, nullCount: 0, children }),
  );
  const pieces: Uint8Array[] = [];
  let small: Uint8Array[] = [];
  for await (const piece of RecordBatchFileWriter.writeAll(new Table(schema, [batch]))) {
    if (piece.length < SMALL_PIECE) small.push(piece);
    else {
      pieces.push(Buffer.concat(small), piece);
      small = [];
    }
  }
  return [...pieces, Buffer.concat(small)];
}

/** The values of a fixed-size binary column in hex. */
export function hexOf({ values, length }: Data, bytes: number): string[] {
  const hex = Buffer.from((values as Uint8Array).subarray(0, length * bytes)).toString('hex');
  return Array.from({ length }, (_, i) => hex.slice(i * bytes * 2, (i + 1) * bytes * 2));
}

export function utf8(texts: (string | null)[]): Data<Utf8> {
  const encoded = texts.map((text) => Buffer.from(text ?? ''));
  return makeData({
    type: new Utf8(),
    length: texts.length,
    ...nulls(texts),
    valueOffsets: offsets(encoded),
    data: Buffer.concat(encoded),
  });
}

export function offsets(items: { length: number }[]): Int32Array {
  const ends = new Int32Array(items.length + 1);
  items.forEach(({ length }, i) => {
    ends[i + 1] = ends[i] + length;
  });
  return ends;
}

export function binary(hex: (string | null)[], bytes: number): Data<FixedSizeBinary> {
  const zeros = '00'.repeat(bytes);
  const data = Buffer.from(hex.map((digits) => digits ?? zeros).join(''), 'hex');
  return makeData({ type: new FixedSizeBinary(bytes), length: hex.length, ...nulls(hex), data });
}

/** The validity bitmap of values some of which may be null. */
function nulls(values: (string | null)[]): { nullCount: number; nullBitmap: Uint8Array | undefined } {
  const nullCount = values.filter((value) => value === null).length;
  if (nullCount === 0) return { nullCount, nullBitmap: undefined };
  const nullBitmap = new Uint8Array(Math.ceil(values.length / 8));
  values.forEach((value, i) => {
    if (value !== null) nullBitmap[i >> 3] |= 1 << (i & 7);
  });
  return { nullCount, nullBitmap };
}
