/** Feature rows as heads read them: all in shared memory, or in a file of which a block at a time is in memory. */
import { closeSync, openSync, readSync } from 'node:fs';
import { InputError } from '../errors.ts';
import type { Normalization } from '../head/config.ts';
import { type NormalizationStatistics, normalizeRows } from './normalize.ts';

/** Rows of float32 in a file, one after the other. */
export interface MatrixFile {
  path: string;
  /** Rows that are in memory at a time, as far as batches allow (see {@link blockRows}). */
  maxRows: number;
  /** What is done to rows as they are read. */
  normalize: Normalization;
  statistics?: NormalizationStatistics;
}

/** [rows, inputs] */
export type FeatureRows = Float32Array | MatrixFile;

export function isInMemory(features: FeatureRows): features is Float32Array {
  return features instanceof Float32Array;
}

/**
 * Rows of a block: whole batches, as many as may be in memory. Blocks start at every multiple of it.
 * @param all rows, which are one block where they are in memory
 */
export function blockRows(features: FeatureRows, all: number, batchSize: number): number {
  if (isInMemory(features)) return Math.max(1, all);
  return Math.max(1, Math.floor(features.maxRows / batchSize)) * batchSize;
}

/** Some of the rows, valid until other rows are read by the same thread. */
export interface Block {
  /** The row it starts with. */
  first: number;
  /** [rows, inputs] */
  values: Float32Array;
}

/** The one block that a thread has in memory, whatever it is of. */
const cachedBlock: { path: string; normalize: string; first: number; end: number; buffer: Float32Array } = {
  path: '',
  normalize: '',
  first: 0,
  end: 0,
  buffer: new Float32Array(0),
};

/**
 * The rows from `first` up to `end`.
 * @throws InputError when the file does not have them
 */
export function readRows(features: FeatureRows, inputs: number, first: number, end: number): Block {
  if (isInMemory(features)) return { first, values: features.subarray(first * inputs, end * inputs) };
  const { path, normalize, statistics } = features;
  const length = (end - first) * inputs;
  const isCached =
    cachedBlock.path === path &&
    cachedBlock.normalize === normalize &&
    cachedBlock.first === first &&
    cachedBlock.end === end;
  if (isCached) return { first, values: cachedBlock.buffer.subarray(0, length) };
  if (cachedBlock.buffer.length < length) cachedBlock.buffer = new Float32Array(length);
  const values = cachedBlock.buffer.subarray(0, length);
  cachedBlock.path = '';
  readExactly(path, values, first * inputs * Float32Array.BYTES_PER_ELEMENT);
  normalizeRows(values, inputs, normalize, statistics);
  Object.assign(cachedBlock, { path, normalize, first, end });
  return { first, values };
}

function readExactly(path: string, values: Float32Array, position: number): void {
  const file = openSync(path, 'r');
  try {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    for (let done = 0; done < bytes.length; ) {
      const read = readSync(file, bytes, done, bytes.length - done, position + done);
      if (read === 0) throw new InputError(`Expected more features in ${path}: another program changed it`);
      done += read;
    }
  } finally {
    closeSync(file);
  }
}

/** The rows from `first` up to `end`, block by block; each is valid until the next. */
export function* eachBlock(
  features: FeatureRows,
  inputs: number,
  { first, end, size }: { first: number; end: number; size: number },
): Generator<Block> {
  for (let start = first; start < end; ) {
    const next = Math.min(end, (Math.floor(start / size) + 1) * size);
    yield readRows(features, inputs, start, next);
    start = next;
  }
}
