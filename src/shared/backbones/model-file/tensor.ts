/** The tensors of an ONNX model: whether shape, element type and bytes go together, in the model or in a file beside it. */
import { realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, relative } from 'node:path';
import { InputError } from '../../errors.ts';
import { type Damaged, fields, varints } from './wire.ts';

/** Bits of an element, by TensorProto.DataType; strings have none. */
const BITS: Readonly<Record<number, number>> = {
  1: 32, // float
  2: 8, // uint8
  3: 8, // int8
  4: 16, // uint16
  5: 16, // int16
  6: 32, // int32
  7: 64, // int64
  9: 8, // bool
  10: 16, // float16
  11: 64, // double
  12: 32, // uint32
  13: 64, // uint64
  14: 64, // complex64
  15: 128, // complex128
  16: 16, // bfloat16
  17: 8, // float8
  18: 8,
  19: 8,
  20: 8,
  21: 4, // uint4
  22: 4, // int4
  23: 4, // float4
};

/** Fields of TensorProto. */
const TENSOR = { dims: 1, type: 2, raw: 9, external: 13, location: 14 } as const;
const STRING = 8;
const EXTERNAL_LOCATION = 1n;
/** Of one tensor; no weights come near it. */
const MAX_ELEMENTS = 1n << 40n;

/** A model that is being checked. */
export interface ModelBytes {
  path: string;
  bytes: Buffer;
  damaged: Damaged;
}

/**
 * Checks the tensor whose message lies from `start` to `end`.
 * @returns the file with its numbers; undefined where the model itself has them
 * @throws InputError for a damaged tensor, or a file that does not have its numbers
 */
export function checkTensor(model: ModelBytes, start: number, end: number): string | undefined {
  const { damaged } = model;
  const { type, elements, rawBytes, typedBytes, external } = readTensor(model, start, end);
  const bits = BITS[type];
  if (bits === undefined && type !== STRING) throw damaged(`a tensor has the unknown element type ${type}`);
  const length = bits === undefined ? undefined : (elements * BigInt(bits) + 7n) / 8n;
  if (external) return checkExternal(model, external, length);
  if (rawBytes !== undefined && length !== undefined && BigInt(rawBytes) !== length)
    throw damaged(`a tensor of ${length} bytes has ${rawBytes}`);
  // Numbers of few bits are packed; in every other case an element takes a byte or more.
  if (rawBytes === undefined && elements > BigInt(typedBytes) * 8n)
    throw damaged('a tensor has too few numbers');
  return undefined;
}

interface Tensor {
  /** TensorProto.DataType. */
  type: number;
  elements: bigint;
  /** Of `raw_data`, where it is given. */
  rawBytes: number | undefined;
  /** Of the fields for numbers of one type each. */
  typedBytes: number;
  /** Where its numbers lie in another file, by key; undefined where they do not. */
  external: ReadonlyMap<string, string> | undefined;
}

function readTensor(model: ModelBytes, start: number, end: number): Tensor {
  const { bytes, damaged } = model;
  const tensor: Tensor = { type: 0, elements: 1n, rawBytes: undefined, typedBytes: 0, external: undefined };
  let isExternal = false;
  const external = new Map<string, string>();
  for (const { number, value } of fields(bytes, start, end, damaged)) {
    const range = typeof value === 'bigint' ? undefined : value;
    if (number === TENSOR.dims) {
      const sizes = range ? varints(bytes, range.start, range.end, damaged) : [value as bigint];
      for (const size of sizes) tensor.elements *= size;
      if (sizes.some((size) => size > MAX_ELEMENTS) || tensor.elements > MAX_ELEMENTS)
        throw damaged('a tensor has an impossible shape');
    } else if (number === TENSOR.type && !range) tensor.type = Number(value);
    else if (number === TENSOR.raw && range) tensor.rawBytes = range.end - range.start;
    else if (number === TENSOR.location && !range) isExternal = value === EXTERNAL_LOCATION;
    else if (number === TENSOR.external && range) external.set(...readEntry(model, range.start, range.end));
    else tensor.typedBytes += range ? range.end - range.start : 8;
  }
  return isExternal ? { ...tensor, external } : tensor;
}

/** A StringStringEntryProto. */
function readEntry({ bytes, damaged }: ModelBytes, start: number, end: number): [key: string, value: string] {
  const texts = ['', ''];
  for (const { number, value } of fields(bytes, start, end, damaged)) {
    if (typeof value !== 'bigint' && (number === 1 || number === 2))
      texts[number - 1] = bytes.toString('utf8', value.start, value.end);
  }
  return [texts[0], texts[1]];
}

/**
 * Checks that a file has a tensor's numbers.
 * @param length of the numbers in bytes, where the element type tells it
 */
function checkExternal(
  { path, damaged }: ModelBytes,
  external: ReadonlyMap<string, string>,
  length: bigint | undefined,
): string {
  const location = external.get('location') ?? '';
  const file = outsideFile(path, location);
  const whole = (key: string): number | undefined => {
    const text = external.get(key);
    if (text !== undefined && !/^\d{1,15}$/.test(text)) throw damaged(`${key} ${text} of outside data`);
    return text === undefined ? undefined : Number(text);
  };
  const offset = whole('offset') ?? 0;
  const { size } = statSync(file);
  const count = whole('length') ?? size - offset;
  if (offset + count > size)
    throw damaged(`${location} has ${size} bytes, but the model refers to ${offset + count}`);
  if (length !== undefined && BigInt(count) !== length)
    throw damaged(`a tensor of ${length} bytes has ${count} in ${location}`);
  return file;
}

/**
 * A file with a model's numbers, which must lie in the model's own folder. In a cache of snapshots both are links into one
 * folder of blobs.
 */
function outsideFile(model: string, location: string): string {
  const folder = realpathSync(dirname(model));
  const climbs = (way: string) => way === '' || way.startsWith('..') || isAbsolute(way);
  const refused = (fault: string) =>
    new InputError(
      `Expected the data of ${model} in its own folder but ${JSON.stringify(location)} ${fault}`,
    );
  if (isAbsolute(location) || climbs(relative(folder, join(folder, location))))
    throw refused('leads out of it');
  let file: string;
  try {
    file = realpathSync(join(folder, location));
  } catch {
    throw refused('is not there');
  }
  const isBeside = dirname(file) === dirname(realpathSync(model));
  if (climbs(relative(folder, file)) && !isBeside) throw refused('leads out of it');
  if (!statSync(file).isFile()) throw refused('is not a file');
  return file;
}
