/** Computes the features of each content once and stores them as they come back. */
import { createBatches } from '../shared/backbones/thread/batches.ts';
import type { BackboneThread } from '../shared/backbones/thread/start.ts';
import { perceptualHash } from '../shared/images/phash.ts';
import { contentKey } from '../shared/store/content.ts';
import type { RowRecord } from '../shared/store/part-buffer.ts';
import type { FeatureColumn } from '../shared/store/schema.ts';
import type { StoreWriter } from '../shared/store/writer.ts';

export interface StoredFeatures {
  /** Whether the backbone has given features: it is compiled when the first are needed. */
  readonly isCompiled: boolean;
  /**
   * Adds an image or a view, waiting while the backbone is behind. False: its features are there already, or on their
   * way, and its pixels are not needed.
   */
  add(record: RowRecord, pixels: () => Uint8Array): Promise<boolean>;
  /** Computes and stores what is left. */
  finish(): Promise<void>;
  /** Stores and commits whatever the backbone still gives; for when a run ends early. Never throws for a failed batch. */
  keep(): Promise<void>;
}

interface StoreFeaturesOptions {
  batchSize: number;
  /** Those of the store, each of which the backbone gives. */
  columns: readonly FeatureColumn[];
  store: StoreWriter;
  /** Told how many rows of each batch were stored. */
  computed(rows: number): void;
}

export function storeFeatures(
  thread: BackboneThread,
  { batchSize, columns, store, computed }: StoreFeaturesOptions,
): StoredFeatures {
  const { columns: given, size } = thread.description;
  const sources = columns.map(({ name, dimension }) => ({
    index: given.findIndex((column) => column.name === name),
    dimension,
  }));
  const underway = new Set<string>();
  let isCompiled = false;
  const batches = createBatches<{ row: RowRecord; phash: string | null }>([thread], {
    batchSize,
    async receive(records, [features]) {
      isCompiled = true;
      for (const [row, record] of records.entries()) {
        const vectors = sources.map(({ index, dimension }) =>
          features[index].subarray(row * dimension, (row + 1) * dimension),
        );
        await store.append(record.row, vectors, record.phash);
        underway.delete(contentKey(record.row));
      }
      computed(records.length);
    },
  });

  return {
    get isCompiled() {
      return isCompiled;
    },
    async add(record, draw) {
      const key = contentKey(record);
      if (underway.has(key) || store.has(record)) return false;
      underway.add(key);
      const pixels = draw();
      // Views stay with their image, whatever they look like.
      const phash = record.view === 0 ? perceptualHash(pixels, size) : null;
      await batches.add({ row: record, phash }, [pixels]);
      return true;
    },
    finish: batches.finish,
    async keep() {
      await batches.keep();
      await store.flush();
    },
  };
}
