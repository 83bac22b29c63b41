/** Collects decoded images into batches, keeps the backbone busy with them and stores what comes back, in order. */
import type { RowRecord } from '../shared/store/part-buffer.ts';
import type { StoreWriter } from '../shared/store/writer.ts';
import type { BackboneThread } from './backbone-thread.ts';

/** Batches given to the backbone at a time: one that runs and one that waits, while a third is being filled. */
const IN_FLIGHT = 2;

export interface Batches {
  /** Images computed so far. */
  readonly count: number;
  /** Adds an image, waiting while the backbone is behind. False: its content is there already, or on its way. */
  add(record: RowRecord, pixels: Uint8Array): Promise<boolean>;
  /** Computes and stores what is left. */
  finish(): Promise<void>;
  /** Stores and commits whatever the backbone still gives; for when a run ends early. Never throws for a failed batch. */
  keep(): Promise<void>;
}

interface Underway {
  records: RowRecord[];
  result: ReturnType<BackboneThread['run']>;
}

export function createBatches(
  thread: BackboneThread,
  {
    batchSize,
    store,
    computed,
  }: { batchSize: number; store: StoreWriter; computed: (images: number) => void },
): Batches {
  const { columns, size } = thread.description;
  const imageBytes = size.width * size.height * 3;
  const underway: Underway[] = [];
  const spare: Uint8Array<ArrayBuffer>[] = [];
  const seen = new Set<string>();
  let pixels: Uint8Array<ArrayBuffer> | undefined;
  let records: RowRecord[] = [];
  let count = 0;

  const submit = (): void => {
    if (!pixels || records.length === 0) return;
    const result = thread.run(pixels, records.length);
    // It is awaited in its turn; until then a failure must not count as unhandled.
    result.catch(() => {});
    underway.push({ records, result });
    pixels = undefined;
    records = [];
  };

  const receive = async (): Promise<void> => {
    const batch = underway.shift()!;
    const { features, pixels: memory } = await batch.result;
    spare.push(memory);
    for (const [row, record] of batch.records.entries()) {
      const vectors = columns.map(({ dimension }, c) =>
        features[c].subarray(row * dimension, (row + 1) * dimension),
      );
      await store.append(record, vectors);
    }
    count += batch.records.length;
    computed(batch.records.length);
  };

  return {
    get count() {
      return count;
    },
    async add(record, image) {
      if (seen.has(record.sha256) || store.has(record)) return false;
      seen.add(record.sha256);
      pixels ??= spare.pop() ?? new Uint8Array(batchSize * imageBytes);
      pixels.set(image, records.length * imageBytes);
      records.push(record);
      if (records.length < batchSize) return true;
      while (underway.length >= IN_FLIGHT) await receive();
      submit();
      return true;
    },
    async finish() {
      submit();
      while (underway.length > 0) await receive();
    },
    async keep() {
      try {
        while (underway.length > 0) await receive();
      } catch {
        // The run is ending because of this or an earlier failure, which the caller reports.
      }
      await store.flush();
    },
  };
}
