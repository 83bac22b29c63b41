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
  tableFromIPC,
  Utf8,
} from 'apache-arrow';
import { unexpected } from '../errors.ts';
import { narrowFloat16, widenFloat16 } from '../float16.ts';
import { arrowFile, binary, hexOf, offsets, utf8 } from './arrow.ts';
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
  groups: (string | null)[];
  /** Perceptual hashes, 16 hex digits; null where not known. */
  phashes: (string | null)[];
  /** How much each row counts in training; null where the data do not say. */
  weights: Float32Array | null;
  /** By column name: rows * dimension numbers, row after row. */
  features: Map<string, Float32Array>;
}

const SHA256_BYTES = 32;
const PHASH_BYTES = 8;

/** The columns beside the features: with weights, without, and as format version 1 wrote them. */
const ROW_COLUMNS = [
  ['path', 'sha256', 'labels', 'split', 'view', 'group', 'phash', 'weight'],
  ['path', 'sha256', 'labels', 'split', 'view', 'group', 'phash'],
  ['path', 'sha256', 'labels', 'split', 'view'],
];

/**
 * The Arrow IPC file of some rows, piece by piece: float32 features are views of the rows' own memory, since a part in
 * one piece would be garbage of its size each time.
 */
export async function encodePart(
  rows: PartRows,
  columns: FeatureColumn[],
  dtype: Dtype,
): Promise<Uint8Array[]> {
  const length = rows.paths.length;
  const fields: [Field, Data][] = [
    [new Field('path', new Utf8(), false), utf8(rows.paths)],
    [new Field('sha256', new FixedSizeBinary(SHA256_BYTES), false), binary(rows.sha256, SHA256_BYTES)],
    [new Field('labels', new List(new Field('item', new Utf8(), false)), false), lists(rows.labels)],
    [new Field('split', new Utf8(), true), utf8(rows.splits)],
    [new Field('view', new Int16(), false), makeData({ type: new Int16(), length, data: rows.views })],
    [new Field('group', new Utf8(), true), utf8(rows.groups)],
    [new Field('phash', new FixedSizeBinary(PHASH_BYTES), true), binary(rows.phashes, PHASH_BYTES)],
    ...(rows.weights ? [weightColumn(rows.weights)] : []),
    ...columns.map(({ name, dimension }): [Field, Data] => {
      const column = vectors(rows.features.get(name)!, dimension, dtype);
      return [new Field(name, column.type, false), column];
    }),
  ];
  return arrowFile(fields, length);
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
  const layouts = ROW_COLUMNS.map((row) => [...row, ...columns.map(({ name }) => name)]);
  const layout = layouts.find((expected) => expected.join('\n') === names.join('\n'));
  if (more.length > 0 || !batch || !layout) {
    throw unexpected(`one batch of the columns ${layouts[1].join(', ')}`, where, names);
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
  const unknown = (): null[] => Array.from({ length: batch.numRows }, () => null);
  return {
    paths: texts<string>('path'),
    sha256: hexOf(column('sha256'), SHA256_BYTES),
    labels: texts<Iterable<string>>('labels').map((labels) => [...labels]),
    splits: texts<string | null>('split').map((split) => {
      const found = SPLITS.find((name) => name === split);
      if (!found && split !== null) throw unexpected('train, val or test', `column split of ${where}`, split);
      return found ?? null;
    }),
    views: (column('view').values as Int16Array).subarray(0, batch.numRows),
    groups: layout.includes('group') ? texts<string | null>('group') : unknown(),
    phashes: layout.includes('phash') ? nullable(column('phash'), PHASH_BYTES) : unknown(),
    weights: layout.includes('weight') ? weightsOf(column('weight'), where) : null,
    features,
  };
}

function weightColumn(weights: Float32Array): [Field, Data] {
  const type = new Float32();
  return [new Field('weight', type, false), makeData({ type, length: weights.length, data: weights })];
}

function weightsOf(data: Data, where: string): Float32Array {
  const values: unknown = data.values;
  if (values instanceof Float32Array) return values.subarray(0, data.length);
  throw unexpected('float32', `column weight of ${where}`, `${data.type}`);
}

function nullable(data: Data, bytes: number): (string | null)[] {
  return hexOf(data, bytes).map((hex, i) => (data.getValid(i) ? hex : null));
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

function vectors(values: Float32Array, dimension: number, dtype: Dtype): Data<DataType> {
  const shared = { length: values.length, nullCount: 0 };
  const child =
    dtype === 'float16'
      ? makeData({ ...shared, type: new Float16(), data: narrowFloat16(values) })
      : makeData({ ...shared, type: new Float32(), data: values });
  const type = new FixedSizeList(dimension, new Field('item', child.type as DataType, false));
  return makeData({ type, length: values.length / dimension, nullCount: 0, child });
}
