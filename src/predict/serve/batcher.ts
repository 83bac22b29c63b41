/** Requests that come at the same time share runs of the backbone; how many may wait is bounded. */

/** A queue in front of something that works on several items at once. */
export interface Batcher<T, R> {
  /** Adds an item; undefined when the queue is full. */
  add(item: T): Promise<R> | undefined;
  /** Items that are waited for. */
  readonly length: number;
}

export interface BatcherOptions<T, R> {
  /** Items in one run. */
  batchSize: number;
  /** Items that may be waited for, those in a run included. */
  max: number;
  /** The results, in order. */
  run(items: readonly T[]): Promise<R[]>;
}

/** Runs whatever has come as soon as the run before has ended, so that nobody waits for a batch to fill. */
export function createBatcher<T, R>({ batchSize, max, run }: BatcherOptions<T, R>): Batcher<T, R> {
  interface Waiting {
    item: T;
    resolve(result: R): void;
    reject(error: unknown): void;
  }
  const waiting: Waiting[] = [];
  let length = 0;
  let isRunning = false;

  const work = async (): Promise<void> => {
    isRunning = true;
    while (waiting.length > 0) {
      const batch = waiting.splice(0, batchSize);
      try {
        const results = await run(batch.map(({ item }) => item));
        for (const [index, { resolve }] of batch.entries()) resolve(results[index]);
      } catch (thrown) {
        for (const { reject } of batch) reject(thrown);
      }
      length -= batch.length;
    }
    isRunning = false;
  };

  return {
    get length() {
      return length;
    },
    add(item) {
      if (length >= max) return undefined;
      length++;
      return new Promise((resolve, reject) => {
        waiting.push({ item, resolve, reject });
        // Requests that arrive in the same turn of the event loop go together.
        if (!isRunning) {
          isRunning = true;
          setImmediate(() => void work());
        }
      });
    },
  };
}
