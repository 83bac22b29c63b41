/** Collects decoded images into batches and keeps one or several backbones busy with them, in order. */
import { usage } from '../../errors.ts';
import type { BackboneThread } from './start.ts';

/** Images on their way through the backbones, each with a record `R` of the caller's. */
export interface Batches<R> {
  /** Adds an image, decoded once for each backbone, waiting while the backbones are behind. */
  add(record: R, pixels: readonly Uint8Array[]): Promise<void>;
  /** Computes and hands over what is left. */
  finish(): Promise<void>;
  /** Hands over whatever the backbones still give; for when a run ends early. Never throws for a failed batch. */
  keep(): Promise<void>;
}

export interface BatchesOptions<R> {
  /** Images in one run of a backbone. */
  batchSize: number;
  /**
   * Takes the features of one batch, in the order in which its images were added: for each backbone one array a
   * column, records.length * dimension numbers.
   */
  receive(records: R[], features: Float32Array[][]): Promise<void>;
}

/** onnxruntime and TensorFlow count in 32 bits inside their operations. */
const MAX_BATCH_BYTES = 2 ** 31 - 1;

interface Underway<R> {
  records: R[];
  results: Promise<Awaited<ReturnType<BackboneThread['run']>>[]>;
}

/** Batches for `threads`, which all see every image. */
export function createBatches<R>(
  threads: readonly BackboneThread[],
  { batchSize, receive }: BatchesOptions<R>,
): Batches<R> {
  const lanes = threads.map(createLane);
  refuseHuge(lanes, batchSize);
  // Those that run and one that waits, while another is being filled.
  const max = 1 + Math.max(...threads.map((thread) => thread.lanes));
  const underway: Underway<R>[] = [];
  let filling = lanes.map(() => new Uint8Array(0));
  let records: R[] = [];

  const submit = (): void => {
    if (records.length === 0) return;
    const { length } = records;
    const results = Promise.all(lanes.map(({ thread }, index) => thread.run(filling[index], length)));
    // It is awaited in its turn; until then a failure must not count as unhandled.
    results.catch(() => {});
    underway.push({ records, results });
    records = [];
  };

  const next = async (): Promise<void> => {
    const batch = underway.shift()!;
    const results = await batch.results;
    for (const [index, { pixels }] of results.entries()) lanes[index].spare.push(pixels);
    await receive(
      batch.records,
      results.map(({ features }) => features),
    );
  };

  return {
    async add(record, pixels) {
      if (records.length === 0) {
        filling = lanes.map(({ spare, imageBytes }) => spare.pop() ?? new Uint8Array(batchSize * imageBytes));
      }
      for (const [index, { imageBytes }] of lanes.entries()) {
        filling[index].set(pixels[index], records.length * imageBytes);
      }
      records.push(record);
      if (records.length < batchSize) return;
      while (underway.length >= max) await next();
      submit();
    },
    async finish() {
      submit();
      while (underway.length > 0) await next();
    },
    async keep() {
      try {
        while (underway.length > 0) await next();
      } catch {
        // The run is ending because of this or an earlier failure, which the caller reports.
      }
    },
  };
}

/** A backbone, and memory for batches that it has given back. */
interface Lane {
  thread: BackboneThread;
  spare: Uint8Array<ArrayBuffer>[];
  imageBytes: number;
}

function createLane(thread: BackboneThread): Lane {
  const { width, height } = thread.description.size;
  return { thread, spare: [], imageBytes: width * height * 3 };
}

function refuseHuge(lanes: readonly Lane[], batchSize: number): void {
  for (const { imageBytes } of lanes) {
    const max = Math.floor(MAX_BATCH_BYTES / imageBytes);
    if (batchSize > max)
      throw usage(`at most ${max} images of ${imageBytes} bytes each`, '--batch-size', batchSize);
  }
}
