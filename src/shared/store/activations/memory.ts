/** Activations that are in memory already, as if they had been read from a cache. */
import type { Content } from '../content.ts';
import type { FeatureColumn } from '../schema.ts';
import { partFileReads } from './files.ts';
import { type ActivationPart, type ActivationsRequest, activationLength } from './request.ts';
import { packParts } from './row-index.ts';

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
  const hashes = contents.map(({ sha256 }) => Buffer.from(sha256, 'hex'));
  const views = Int16Array.from(contents, ({ view }) => view);
  const packed = packParts([{ sha256: Buffer.concat(hashes), views }]);
  const part = { rows, bytes, offsets: { activation, scale: 0, columns: rest } };
  return { shape, dtype: 'float32', columns, parts: [part], ...packed };
}

/** The same activations, read into shared memory. @throws InputError for a file that was changed or cannot be read */
export async function inMemory(request: ActivationsRequest): Promise<ActivationsRequest> {
  const files = partFileReads();
  try {
    const parts: ActivationPart[] = [];
    for (const part of request.parts) {
      if (part.bytes instanceof SharedArrayBuffer) parts.push(part);
      else {
        const bytes = new SharedArrayBuffer(part.bytes.size);
        await files.read(part.bytes, new Uint8Array(bytes), 0);
        parts.push({ ...part, bytes });
      }
    }
    return { ...request, parts };
  } finally {
    await files.close();
  }
}
