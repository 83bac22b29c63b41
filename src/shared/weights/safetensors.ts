/** The safetensors format: a JSON header, then the arrays; every claim of the header is checked before it is used. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { InputError, messageOf, unexpected } from '../errors.ts';
import { widenFloat16 } from '../float16.ts';
import { elementCount, type Shape } from '../graph/value.ts';
import { causeOf } from '../store/files.ts';

/** An array with its shape, row-major. */
export interface Tensor {
  readonly shape: Shape;
  readonly data: Float32Array;
}

/** An open file; arrays are read one at a time. */
export interface SafetensorsFile {
  readonly metadata: Readonly<Record<string, string>>;
  readonly shapes: ReadonlyMap<string, Shape>;
  /** Reads one array as float32; throws an InputError when the file has none of that name. */
  read(name: string): Float32Array;
  close(): void;
}

/** The format's own limit on its header. */
const HEADER_LIMIT = 100_000_000;
const BYTES = { F32: 4, F16: 2 } as const;

interface Entry {
  readonly dtype: keyof typeof BYTES;
  readonly shape: Shape;
  readonly start: number;
  readonly end: number;
}

/** Opens a file and checks its header; throws an InputError that names the file and the fault. */
export function openSafetensors(path: string): SafetensorsFile {
  const file = open(path);
  try {
    const size = fstatSync(file).size;
    const prefix = new Uint8Array(8);
    if (size < 8) throw unexpected('at least 8 bytes', `safetensors file ${path}`, size);
    readFully(file, prefix, 0, path);
    const headerBytes = Number(new DataView(prefix.buffer).getBigUint64(0, true));
    if (headerBytes > Math.min(HEADER_LIMIT, size - 8)) {
      throw unexpected(
        `a header within the file's ${size} bytes and ${HEADER_LIMIT}`,
        `safetensors file ${path}`,
        headerBytes,
      );
    }
    const text = new Uint8Array(headerBytes);
    readFully(file, text, 8, path);
    const { metadata, entries } = parseHeader(text, path);
    const dataStart = 8 + headerBytes;
    checkLayout(entries, size - dataStart, path);
    return {
      metadata,
      shapes: new Map([...entries].map(([name, { shape }]) => [name, shape])),
      read(name) {
        const entry = entries.get(name);
        if (!entry) throw new InputError(`Expected an array ${name} in ${path} but found none`);
        const { dtype, start, end } = entry;
        const bytes = new Uint8Array(end - start);
        readFully(file, bytes, dataStart + start, path);
        return dtype === 'F32' ? new Float32Array(bytes.buffer) : widenFloat16(new Uint16Array(bytes.buffer));
      },
      close: () => closeSync(file),
    };
  } catch (thrown) {
    closeSync(file);
    throw thrown;
  }
}

/** The bytes of a file that holds `tensors` as float32, in the order given. */
export function encodeSafetensors(
  tensors: Iterable<readonly [string, Tensor]>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const header = new Map<string, unknown>([['__metadata__', metadata]]);
  const arrays: Float32Array[] = [];
  let end = 0;
  for (const [name, { shape, data }] of tensors) {
    if (elementCount(shape) !== data.length)
      throw new Error(`${name}: ${data.length} numbers, shape ${shape}`);
    const start = end;
    end += data.byteLength;
    header.set(name, { dtype: 'F32', shape, data_offsets: [start, end] });
    arrays.push(data);
  }
  const json = Buffer.from(JSON.stringify(Object.fromEntries(header)));
  // Spaces align the arrays that follow to 8 bytes.
  const headerBytes = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(8 + headerBytes + end).fill(0x20, 8, 8 + headerBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes), true);
  bytes.set(json, 8);
  let offset = 8 + headerBytes;
  for (const data of arrays) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    offset += data.byteLength;
  }
  return bytes;
}

function open(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (thrown) {
    throw new InputError(`Expected a safetensors file at ${path} but it cannot be read: ${causeOf(thrown)}`);
  }
}

/** Fills `target` from the file; one read call may return less than requested, and never more than 2 GiB. */
function readFully(file: number, target: Uint8Array, position: number, path: string): void {
  for (let done = 0; done < target.length; ) {
    const length = Math.min(target.length - done, 2 ** 30);
    const read = readSync(file, target, done, length, position + done);
    if (read === 0) throw new InputError(`${path} ended while it was being read`);
    done += read;
  }
}

function parseHeader(text: Uint8Array, path: string) {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text));
  } catch (thrown) {
    throw new InputError(`Expected JSON for the header of ${path}: ${messageOf(thrown)}`);
  }
  if (!isRecord(header)) throw unexpected('an object', `the header of ${path}`, header);
  const { __metadata__: given = {}, ...rest } = header;
  if (!isRecord(given)) throw unexpected('an object', `__metadata__ of ${path}`, given);
  // Made from entries, so that a key like __proto__ is one like any other.
  const metadata = Object.fromEntries(
    Object.entries(given).map(([key, value]) => {
      if (typeof value !== 'string') throw unexpected('a string', `__metadata__.${key} of ${path}`, value);
      return [key, value];
    }),
  );
  const entries = new Map(
    Object.entries(rest).map(([name, entry]) => [name, parseEntry(entry, `${name} in ${path}`)]),
  );
  return { metadata, entries };
}

function parseEntry(entry: unknown, where: string): Entry {
  if (!isRecord(entry)) throw unexpected('an object', where, entry);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (dtype !== 'F32' && dtype !== 'F16') throw unexpected('dtype F32 or F16', where, dtype);
  if (!isSizes(shape)) throw unexpected('a shape of whole numbers', where, shape);
  if (!isSizes(offsets) || offsets.length !== 2) throw unexpected('two data_offsets', where, offsets);
  const [start, end] = offsets;
  const bytes = elementCount(shape) * BYTES[dtype];
  if (!Number.isSafeInteger(bytes) || end - start !== bytes) {
    throw unexpected(`data_offsets ${bytes} bytes apart`, where, offsets);
  }
  return { dtype, shape, start, end };
}

/** The arrays must cover the file's data from its start to its end, without holes or overlaps. */
function checkLayout(entries: ReadonlyMap<string, Entry>, dataBytes: number, path: string): void {
  let covered = 0;
  for (const [name, { start, end }] of [...entries].sort(
    ([, a], [, b]) => a.start - b.start || a.end - b.end,
  )) {
    if (start !== covered) throw unexpected(`data from byte ${covered} on`, `${name} in ${path}`, start);
    covered = end;
  }
  if (covered !== dataBytes) {
    throw unexpected(`${covered} bytes of data`, `safetensors file ${path}`, dataBytes);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}
