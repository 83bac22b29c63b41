/** Looks through the bytes of an ONNX model before a library parses them: every length, tensor and outside file. */
import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, readFileSync, readSync, realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, relative } from 'node:path';
import { InputError, messageOf } from '../../errors.ts';
import { fields, varints } from './wire.ts';

/** Graphs within graphs (branches, loops) that a model may have. */
const DEEPEST = 16;

/** Messages of onnx.proto3 as far as tensors hide in them: which fields hold which message. */
const MESSAGES = {
  model: { 7: 'graph', 25: 'function' },
  function: { 7: 'node' },
  graph: { 1: 'node', 5: 'tensor', 15: 'sparse' },
  node: { 5: 'attribute' },
  attribute: { 5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph', 22: 'sparse', 23: 'sparse' },
  sparse: { 1: 'tensor', 2: 'tensor' },
} as const satisfies Record<string, Record<number, string>>;

type Message = keyof typeof MESSAGES | 'tensor';

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
const EXTERNAL_LOCATION = 1n;

export interface InspectedModel {
  /** SHA-256 over the bytes of the model and of all files it refers to, in hex. */
  readonly hash: string;
  readonly bytes: Buffer;
  /** Whether numbers lie in other files. */
  readonly isDivided: boolean;
}

/**
 * Checks an ONNX file and the files it refers to.
 * @throws InputError naming the file and the first fault
 */
export function inspectModel(path: string): InspectedModel {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (thrown) {
    throw new InputError(`Expected an ONNX model at ${path} but it cannot be read: ${messageOf(thrown)}`);
  }
  const damaged = (fault: string) =>
    new InputError(`Expected an ONNX model in ${path} but it is damaged: ${fault}`);
  const outside = new Set<string>();
  let graphs = 0;

  const look = (message: Message, start: number, end: number, depth: number): void => {
    if (depth > 6 * DEEPEST) throw damaged('graphs are nested too deeply');
    if (message === 'tensor') {
      checkTensor(start, end);
      return;
    }
    const inside: Readonly<Record<number, Message>> = MESSAGES[message];
    for (const { number, value } of fields(bytes, start, end, damaged)) {
      if (inside[number] === undefined) continue;
      if (typeof value === 'bigint') throw damaged(`field ${number} of a ${message} is not a message`);
      if (inside[number] === 'graph') graphs++;
      look(inside[number], value.start, value.end, depth + 1);
    }
  };

  const checkTensor = (start: number, end: number): void => {
    let elements = 1n;
    let type = 0;
    let raw: number | undefined;
    let typed = 0;
    let isExternal = false;
    const external = new Map<string, string>();
    for (const { number, value } of fields(bytes, start, end, damaged)) {
      const range = typeof value === 'bigint' ? undefined : value;
      if (number === TENSOR.dims) {
        const sizes = range ? varints(bytes, range.start, range.end, damaged) : [value as bigint];
        for (const size of sizes) elements *= size;
        if (sizes.some((size) => size > 1n << 40n) || elements > 1n << 40n)
          throw damaged('a tensor has an impossible shape');
      } else if (number === TENSOR.type && !range) type = Number(value);
      else if (number === TENSOR.raw && range) raw = range.end - range.start;
      else if (number === TENSOR.location && !range) isExternal = value === EXTERNAL_LOCATION;
      else if (number === TENSOR.external && range) {
        const [key, text] = entry(range.start, range.end);
        external.set(key, text);
      } else if (range) typed += range.end - range.start;
      else typed += 8;
    }
    const bits = BITS[type];
    if (bits === undefined && type !== 8) throw damaged(`a tensor has the unknown element type ${type}`);
    const length = bits === undefined ? undefined : (elements * BigInt(bits) + 7n) / 8n;
    if (isExternal) checkExternal(external, length);
    else if (raw !== undefined && length !== undefined && BigInt(raw) !== length)
      throw damaged(`a tensor of ${length} bytes has ${raw}`);
    // Numbers of few bits are packed; in every other case an element takes a byte or more.
    else if (raw === undefined && elements > BigInt(typed) * 8n)
      throw damaged('a tensor has too few numbers');
  };

  const entry = (start: number, end: number): [key: string, value: string] => {
    const texts = ['', ''];
    for (const { number, value } of fields(bytes, start, end, damaged)) {
      if (typeof value !== 'bigint' && (number === 1 || number === 2))
        texts[number - 1] = bytes.toString('utf8', value.start, value.end);
    }
    return [texts[0], texts[1]];
  };

  const checkExternal = (external: ReadonlyMap<string, string>, length: bigint | undefined): void => {
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
    outside.add(file);
  };

  look('model', 0, bytes.length, 0);
  if (graphs === 0) throw damaged('it has no graph');
  const hash = createHash('sha256').update(bytes);
  for (const file of [...outside].sort()) hashFile(file, hash);
  return { hash: hash.digest('hex'), bytes, isDivided: outside.size > 0 };
}

/** Adds a file of any length to a hash. */
function hashFile(path: string, hash: Hash): void {
  const file = openSync(path, 'r');
  try {
    const piece = Buffer.alloc(1 << 20);
    for (let read = readSync(file, piece); read > 0; read = readSync(file, piece))
      hash.update(piece.subarray(0, read));
  } finally {
    closeSync(file);
  }
}

/** A file with a model's numbers, which must lie in the model's own folder. */
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
  if (climbs(relative(folder, file))) throw refused('leads out of it');
  if (!statSync(file).isFile()) throw refused('is not a file');
  return file;
}
