/** Reads the last layer and all depths of some images from a store, as they were extracted. */

import type { FeatureStore } from '../store/reader.ts';
import { depthColumns, lastColumn } from './columns.ts';
import { type ContentHashes, hashOf } from './content-hashes.ts';

/** Bytes of a store that are read once more for a few of its images: a second's work. */
const MAX_BYTES = 2 ** 29;

/** Columns side by side. */
export interface Columns {
  /** [rows, inputs]. */
  values: Float32Array;
  rows: number;
  inputs: number;
}

/**
 * The features of the images themselves, without their views; undefined where the store lacks the last layer or others, or is so large
 * that reading it once more would take long.
 * @param rows whose images are read, each once
 * @throws InputError for a damaged store
 */
export async function readColumns(
  store: FeatureStore,
  hashes: ContentHashes,
  rows: Int32Array,
): Promise<Record<'last' | 'depths', Columns> | undefined> {
  const [names, lastName] = [depthColumns(store), lastColumn(store)];
  const bytes = store.manifest.parts.reduce((sum, part) => sum + part.bytes, 0);
  const isLast = names.includes(lastName) && !lastName.includes('/');
  if (names.length < 2 || !isLast || bytes > MAX_BYTES) return undefined;
  const places = new Map(Array.from(rows, (row, place) => [hashOf(hashes, row), place]));
  const last = emptyColumns(store, [lastName], rows.length);
  const depths = emptyColumns(store, names, rows.length);
  for await (const { features, sha256, views } of store.parts())
    for (const [from, hash] of sha256.entries()) {
      const place = views[from] === 0 ? places.get(hash) : undefined;
      if (place === undefined) continue;
      for (const { columns, widths, names } of [last, depths]) {
        let to = place * columns.inputs;
        for (const [index, name] of names.entries()) {
          const width = widths[index];
          columns.values.set(features.get(name)?.subarray(from * width, (from + 1) * width) ?? [], to);
          to += width;
        }
      }
    }
  return { last: last.columns, depths: depths.columns };
}

function emptyColumns({ columns }: FeatureStore, names: readonly string[], rows: number) {
  const widths = names.map((name) => columns.find((column) => column.name === name)?.dimension ?? 0);
  const inputs = widths.reduce((sum, width) => sum + width, 0);
  return { names, widths, columns: { values: new Float32Array(rows * inputs), rows, inputs } };
}
