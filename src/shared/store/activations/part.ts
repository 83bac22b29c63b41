/** One part of cached activations: rows in memory, and the bytes of an Arrow IPC file. */
import {
  type Data,
  type DataType,
  Field,
  FixedSizeBinary,
  FixedSizeList,
  Float16,
  Float32,
  Int8,
  Int16,
  makeData,
  tableFromIPC,
  Utf8,
} from 'apache-arrow';
import { unexpected } from '../../errors.ts';
import { arrowFile, binary, utf8 } from '../arrow.ts';
import {
  type ActivationDtype,
  type ActivationLayout,
  activationLength,
  type PartOffsets,
} from './request.ts';

/** Whose activation a row is. */
export interface ActivationRow {
  /** Relative to the data set's root, with forward slashes. */
  path: string;
  /** Of the image file, in hex. */
  sha256: string;
  /** 0: the image itself. */
  view: number;
}

/** Rows as they are stored. */
export interface ActivationRows {
  records: readonly ActivationRow[];
  /** [rows, height, width, channels], of the layout's dtype; float16 as its bits. */
  activation: Float32Array | Uint16Array | Int8Array;
  /** [rows, channels] as bits of float16, where the dtype is int8. */
  scale: Uint16Array | undefined;
  /** [rows, dimension], in the order of the layout's columns. */
  features: readonly Float32Array[];
}

/** What a part holds beside its numbers, and where these are. */
export interface DecodedPart {
  rows: number;
  /** Read as they are asked for: with them, a million rows take 100 MB. */
  paths(): string[];
  /** [rows, 32] bytes. */
  sha256: Uint8Array;
  views: Int16Array;
  offsets: PartOffsets;
}

const SHA256_BYTES = 32;
const ACTIVATION_COLUMN = 'activation';
const SCALE_COLUMN = 'scale';

const NUMBER_TYPES: Readonly<Record<ActivationDtype, () => DataType>> = {
  float16: () => new Float16(),
  float32: () => new Float32(),
  int8: () => new Int8(),
};

/** The columns of numbers behind path, sha256 and view, with their types. */
function numberColumns(layout: ActivationLayout): [name: string, type: FixedSizeList][] {
  const { shape, dtype, columns } = layout;
  const vector = (dimension: number, type: DataType) =>
    new FixedSizeList(dimension, new Field('item', type, false));
  return [
    [ACTIVATION_COLUMN, vector(activationLength(layout), NUMBER_TYPES[dtype]())],
    ...(dtype === 'int8' ? [[SCALE_COLUMN, vector(shape[2], new Float16())] as [string, FixedSizeList]] : []),
    ...columns.map(({ name, dimension }): [string, FixedSizeList] => [
      name,
      vector(dimension, new Float32()),
    ]),
  ];
}

/** The Arrow IPC file of some rows, piece by piece; long pieces are views of the rows' own memory. */
export async function encodeActivations(
  { records, activation, scale, features }: ActivationRows,
  layout: ActivationLayout,
): Promise<Uint8Array[]> {
  const { length } = records;
  const numbers = [activation, ...(scale ? [scale] : []), ...features];
  const views = Int16Array.from(records, ({ view }) => view);
  const hashes = records.map(({ sha256 }) => sha256);
  const paths = records.map(({ path }) => path);
  const fields: [Field, Data][] = [
    [new Field('path', new Utf8(), false), utf8(paths)],
    [new Field('sha256', new FixedSizeBinary(SHA256_BYTES), false), binary(hashes, SHA256_BYTES)],
    [new Field('view', new Int16(), false), makeData({ type: new Int16(), length, data: views })],
    ...numberColumns(layout).map(([name, type], i): [Field, Data] => {
      const data = numbers[i].subarray(0, length * type.listSize);
      const child = makeData({
        type: type.children[0].type,
        length: data.length,
        nullCount: 0,
        data,
      } as never);
      return [new Field(name, type, false), makeData({ type, length, nullCount: 0, child })];
    }),
  ];
  return arrowFile(fields, length);
}

/**
 * What an Arrow IPC file holds that {@link encodeActivations} wrote. The bytes must have been compared with their checksum.
 * @throws InputError when the columns are not those expected
 */
export function decodeActivations(bytes: Uint8Array, layout: ActivationLayout, where: string): DecodedPart {
  const table = tableFromIPC(bytes);
  const [batch, ...more] = table.batches;
  const expected = numberColumns(layout);
  const names = ['path', 'sha256', 'view', ...expected.map(([name]) => name)];
  const found = table.schema.fields.map(({ name }) => name);
  if (more.length > 0 || !batch || found.join('\n') !== names.join('\n'))
    throw unexpected(`one batch of the columns ${names.join(', ')}`, where, found);
  const rows = batch.numRows;
  const column = (name: string): Data => batch.getChild(name)!.data[0];
  const starts = expected.map(([name, type]) => {
    const data = column(name);
    if (`${data.type}` !== `${type}`)
      throw unexpected(`${type}`, `column ${name} of ${where}`, `${data.type}`);
    return (data.children[0].values as Uint8Array).byteOffset - bytes.byteOffset;
  });
  const [activation, ...rest] = starts;
  const [scale, columns] = layout.dtype === 'int8' ? [rest[0], rest.slice(1)] : [0, rest];
  return {
    rows,
    paths: () => [...(batch.getChild('path') as Iterable<string>)],
    sha256: Uint8Array.from((column('sha256').values as Uint8Array).subarray(0, rows * SHA256_BYTES)),
    views: Int16Array.from((column('view').values as Int16Array).subarray(0, rows)),
    offsets: { activation, scale, columns },
  };
}
