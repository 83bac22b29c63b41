/** Rows of a part in the making. */
import type { PartRows } from './part.ts';
import type { FeatureColumn, Split } from './schema.ts';

/** What a row says about its features. */
export interface RowRecord {
  /** Relative to the dataset's root, with forward slashes. */
  path: string;
  /** SHA-256 of the image file, in hex. */
  sha256: string;
  labels: string[];
  split: Split | null;
  /** 0: the image itself. */
  view: number;
  /** What the image belongs to (a patient, a scene) where the data say so: it stays in one part. */
  group: string | null;
  /** How much the image counts in training, where the data say so. */
  weight?: number;
}

export interface PartBuffer {
  /** The rows put so far. */
  readonly records: RowRecord[];
  /**
   * Copies a row in.
   * @param phash the image's perceptual hash, null where it is not known
   * @param features one vector a column
   */
  put(row: number, record: RowRecord, phash: string | null, features: Float32Array[]): void;
  /** Views of all rows, up to {@link clear}; there must be none left out. */
  rows(): PartRows;
  /** Forgets the rows, for others to take their memory; the records given so far stay as they are. */
  clear(): void;
}

/** Room for `capacity` rows. */
export function partBuffer(columns: FeatureColumn[], capacity: number): PartBuffer {
  let records: RowRecord[] = [];
  let phashes: (string | null)[] = [];
  const arrays = columns.map(({ dimension }) => new Float32Array(capacity * dimension));
  return {
    get records() {
      return records;
    },
    clear() {
      records = [];
      phashes = [];
    },
    put(row, record, phash, features) {
      records[row] = record;
      phashes[row] = phash;
      columns.forEach(({ dimension }, c) => {
        arrays[c].set(features[c], row * dimension);
      });
    },
    rows: () => ({
      paths: records.map(({ path }) => path),
      sha256: records.map(({ sha256 }) => sha256),
      labels: records.map(({ labels }) => labels),
      splits: records.map(({ split }) => split),
      views: Int16Array.from(records, ({ view }) => view),
      groups: records.map(({ group }) => group),
      phashes,
      weights: weightsOf(records),
      features: new Map(
        columns.map(({ name, dimension }, c) => [name, arrays[c].subarray(0, records.length * dimension)]),
      ),
    }),
  };
}

/** Null where no row has a weight; among those that have, one without counts once. */
function weightsOf(records: readonly RowRecord[]): Float32Array | null {
  if (records.every(({ weight }) => weight === undefined)) return null;
  return Float32Array.from(records, ({ weight = 1 }) => weight);
}
