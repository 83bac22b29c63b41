/** Computes the features of each content once and stores them as they come back. */
import { createBatches } from '../shared/backbones/thread/batches.ts';
import type { BackboneThread } from '../shared/backbones/thread/start.ts';
import { perceptualHash } from '../shared/images/phash.ts';
import type { RowRecord } from '../shared/store/part-buffer.ts';
import type { StoreWriter } from '../shared/store/writer.ts';

export interface StoredFeatures {
  /** Images computed so far. */
  readonly count: number;
  /** Adds an image, waiting while the backbone is behind. False: its content is there already, or on its way. */
  add(record: RowRecord, pixels: Uint8Array): Promise<boolean>;
  /** Computes and stores what is left. */
  finish(): Promise<void>;
  /** Stores and commits whatever the backbone still gives; for when a run ends early. Never throws for a failed batch. */
  keep(): Promise<void>;
}

/** @param computed told of each batch that was stored */
export function storeFeatures(
  thread: BackboneThread,
  {
    batchSize,
    store,
    computed,
  }: { batchSize: number; store: StoreWriter; computed: (images: number) => void },
): StoredFeatures {
  const { columns, size } = thread.description;
  const seen = new Set<string>();
  let count = 0;
  const batches = createBatches<{ row: RowRecord; phash: string | null }>([thread], {
    batchSize,
    async receive(records, [features]) {
      for (const [row, record] of records.entries()) {
        const vectors = columns.map(({ dimension }, c) =>
          features[c].subarray(row * dimension, (row + 1) * dimension),
        );
        await store.append(record.row, vectors, record.phash);
      }
      count += records.length;
      computed(records.length);
    },
  });

  return {
    get count() {
      return count;
    },
    async add(record, pixels) {
      if (seen.has(record.sha256) || store.has(record)) return false;
      seen.add(record.sha256);
      await batches.add({ row: record, phash: perceptualHash(pixels, size) }, [pixels]);
      return true;
    },
    finish: batches.finish,
    async keep() {
      await batches.keep();
      await store.flush();
    },
  };
}
