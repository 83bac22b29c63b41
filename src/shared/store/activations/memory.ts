/** Activations that are in memory already, as if they had been read from a cache. */
import type { Content } from '../content.ts';
import type { FeatureColumn } from '../schema.ts';
import { type ActivationsRequest, activationLength } from './request.ts';

interface MemoryRows {
  /** Height, width and channels. */
  shape: readonly number[];
  contents: readonly Content[];
  /** [rows, height, width, channels], copied. */
  activations: Float32Array;
  columns?: readonly FeatureColumn[];
  /** By column name [rows, dimension], copied. */
  features?: ReadonlyMap<string, Float32Array>;
}

/** A request for activations of one's own, for tests and benches. */
export function activationsInMemory({
  shape,
  contents,
  activations,
  columns = [],
  features = new Map(),
}: MemoryRows): ActivationsRequest {
  const rows = contents.length;
  const arrays = [activations, ...columns.map(({ name }) => features.get(name)!)];
  const lengths = [activationLength({ shape }), ...columns.map(({ dimension }) => dimension)];
  const offsets: number[] = [];
  let end = 0;
  for (const length of lengths) {
    offsets.push(end);
    end += rows * length * Float32Array.BYTES_PER_ELEMENT;
  }
  const bytes = new SharedArrayBuffer(end);
  for (const [index, array] of arrays.entries())
    new Float32Array(bytes, offsets[index], rows * lengths[index]).set(array);
  const [activation, ...rest] = offsets;
  const part = { rows, bytes, offsets: { activation, scale: 0, columns: rest } };
  return { shape, dtype: 'float32', columns, parts: [part], ...packedContents(contents) };
}

/** The contents of rows in shared memory. */
function packedContents(contents: readonly Content[]): Pick<ActivationsRequest, 'sha256' | 'views'> {
  const sha256 = new Uint8Array(new SharedArrayBuffer(contents.length * 32));
  const views = new Int16Array(new SharedArrayBuffer(contents.length * Int16Array.BYTES_PER_ELEMENT));
  for (const [row, content] of contents.entries()) {
    sha256.set(Buffer.from(content.sha256, 'hex'), row * 32);
    views[row] = content.view;
  }
  return { sha256, views };
}
