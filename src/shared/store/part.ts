/** One part of a feature store: rows in memory, and the bytes of an Arrow IPC file. */
import {
  type Data,
  type DataType,
  Field,
  FixedSizeBinary,
  FixedSizeList,
  Float16,
  Float32,
  Int16,
  List,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  tableFromIPC,
  tableToIPC,
  Utf8,
} from 'apache-arrow';
import { unexpected } from '../errors.ts';
import { widenFloat16 } from '../weights/float16.ts';
import { narrowFloat16 } from './float16.ts';
import { type Dtype, type FeatureColumn, SPLITS, type Split } from './schema.ts';

/** Rows, column by column; every array has one entry a row. */
export interface PartRows {
  /** Relative to the dataset's root, with forward slashes. */
  paths: string[];
  /** SHA-256 of each image file, in hex. */
  sha256: string[];
  labels: string[][];
  splits: (Split | null)[];
  /** 0: the image itself. */
  views: Int16Array;
  /** By column name: rows * dimension numbers, row after row. */
  features: Map<string, Float32Array>;
}

/** The Arrow IPC file of some rows. */
export function encodePart(rows: PartRows, columns: FeatureColumn[], dtype: Dtype): Uint8Array {
  const length = rows.paths.length;
  const fields: [Field, Data][] = [
    [new Field('path', new Utf8(), false), utf8(rows.paths)],
    [new Field('sha256', new FixedSizeBinary(32), false), digests(rows.sha256)],
    [new Field('labels', new List(new Field('item', new Utf8(), false)), false), lists(rows.labels)],
    [new Field('split', new Utf8(), true), utf8(rows.splits)],
    [new Field('view', new Int16(), false), makeData({ type: new Int16(), length, data: rows.views })],
    ...columns.map(({ name, dimension }): [Field, Data] => {
      const column = vectors(rows.features.get(name)!, dimension, dtype);
      return [new Field(name, column.type, false), column];
    }),
  ];
  const schema = new Schema(fields.map(([field]) => field));
  const children = fields.map(([, data]) => data);
  const batch = new RecordBatch(
    schema,
    makeData({ type: new Struct(schema.fields), length, nullCount: 0, children }),
  );
  return tableToIPC(new Table(schema, [batch]), 'file');
}

/**
 * The rows of an Arrow IPC file that {@link encodePart} wrote. float32 features are views of `bytes`.
 *
 * The bytes must have been compared with their checksum: on damaged ones the Arrow reader can hang or abort.
 * @throws InputError when the columns are not those expected
 */
export function decodePart(
  bytes: Uint8Array,
  columns: FeatureColumn[],
  dtype: Dtype,
  where: string,
): PartRows {
  const table = tableFromIPC(bytes);
  const [batch, ...more] = table.batches;
  const names = table.schema.fields.map(({ name }) => name);
  const expected = ['path', 'sha256', 'labels', 'split', 'view', ...columns.map(({ name }) => name)];
  if (more.length > 0 || !batch || names.join('\n') !== expected.join('\n')) {
    throw unexpected(`one batch of the columns ${expected.join(', ')}`, where, names);
  }
  const column = (name: string): Data => batch.getChild(name)!.data[0];
  const texts = <T>(name: string): T[] => [...(batch.getChild(name) as Iterable<T>)];
  const features = new Map<string, Float32Array>();
  for (const { name, dimension } of columns) {
    const data = column(name);
    const type = data.type as FixedSizeList;
    const element = dtype === 'float16' ? new Float16() : new Float32();
    if (`${type}` !== `${new FixedSizeList(dimension, new Field('item', element))}`) {
      throw unexpected(`vectors of ${dimension} ${dtype}`, `column ${name} of ${where}`, `${type}`);
    }
    const values: Float32Array | Uint16Array = data.children[0].values.subarray(0, batch.numRows * dimension);
    features.set(name, values instanceof Uint16Array ? widenFloat16(values) : values);
  }
  const hashes = Buffer.from(column('sha256').values as Uint8Array).toString('hex');
  return {
    paths: texts<string>('path'),
    sha256: Array.from({ length: batch.numRows }, (_, i) => hashes.slice(i * 64, i * 64 + 64)),
    labels: texts<Iterable<string>>('labels').map((labels) => [...labels]),
    splits: texts<string | null>('split').map((split) => {
      const known = SPLITS.find((name) => name === split);
      if (!known && split !== null) throw unexpected('train, val or test', `column split of ${where}`, split);
      return known ?? null;
    }),
    views: (column('view').values as Int16Array).subarray(0, batch.numRows),
    features,
  };
}

function utf8(texts: (string | null)[]): Data<Utf8> {
  const encoded = texts.map((text) => Buffer.from(text ?? ''));
  const nullCount = texts.filter((text) => text === null).length;
  const nullBitmap = nullCount > 0 ? new Uint8Array(Math.ceil(texts.length / 8)) : undefined;
  texts.forEach((text, i) => {
    if (nullBitmap && text !== null) nullBitmap[i >> 3] |= 1 << (i & 7);
  });
  return makeData({
    type: new Utf8(),
    length: texts.length,
    nullCount,
    nullBitmap,
    valueOffsets: offsets(encoded),
    data: Buffer.concat(encoded),
  });
}

function lists(labels: string[][]): Data<List<Utf8>> {
  return makeData({
    type: new List(new Field('item', new Utf8(), false)),
    length: labels.length,
    nullCount: 0,
    valueOffsets: offsets(labels),
    child: utf8(labels.flat()),
  });
}

function offsets(items: { length: number }[]): Int32Array {
  const ends = new Int32Array(items.length + 1);
  items.forEach(({ length }, i) => {
    ends[i + 1] = ends[i] + length;
  });
  return ends;
}

function digests(sha256: string[]): Data<FixedSizeBinary> {
  const data = Buffer.from(sha256.join(''), 'hex');
  return makeData({ type: new FixedSizeBinary(32), length: sha256.length, nullCount: 0, data });
}

function vectors(values: Float32Array, dimension: number, dtype: Dtype): Data<DataType> {
  const shared = { length: values.length, nullCount: 0 };
  const child =
    dtype === 'float16'
      ? makeData({ ...shared, type: new Float16(), data: narrowFloat16(values) })
      : makeData({ ...shared, type: new Float32(), data: values });
  const type = new FixedSizeList(dimension, new Field('item', child.type as DataType, false));
  return makeData({ type, length: values.length / dimension, nullCount: 0, child });
}
