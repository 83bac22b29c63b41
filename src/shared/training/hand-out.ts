/** Work handed out to worker threads, each of which says when it is ready for a piece of it. */
import { SHARE_ENV, Worker } from 'node:worker_threads';
import { builtFiles } from '../built-files.ts';
import { revivedError } from '../errors.ts';

/** What a worker is told beside its work. */
export type Ending =
  /** Finish the step under way, report what there is, and end. A worker inside native code is never terminated. */
  | { type: 'stop' }
  /** No more work: end. */
  | { type: 'end' };

/** What a worker says beside its outcomes: at the start and after each piece of work. */
export interface Ready {
  type: 'ready';
}

interface HandOutOptions<Message> {
  /** The module that workers start with, below the build. */
  module: string;
  workerData: unknown;
  /** Workers, or fewer where there is less work. */
  workers: number;
  /** When it aborts, the work under way ends early and the rest is not started. */
  signal: AbortSignal;
  onMessage(message: Message): void;
}

/**
 * Hands out all work.
 * @param work messages with a piece of it each, which are made when their turn comes
 * @throws what a worker, a piece of work or `onMessage` threw
 */
export async function handOut<Message extends { type: string }>(
  work: readonly (() => { type: string })[],
  { module, workerData, workers: count, signal, onMessage }: HandOutOptions<Message>,
): Promise<void> {
  const waiting = [...work];
  const file = builtFiles.module(module);
  // Native libraries read the number of threads from the process's own environment, which engines write to.
  const start = () => new Worker(file, { workerData, env: SHARE_ENV });
  const workers = Array.from({ length: Math.min(Math.max(1, count), waiting.length) }, start);
  const stop = () => {
    waiting.length = 0;
    for (const worker of workers) worker.postMessage({ type: 'stop' } satisfies Ending);
  };
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    await Promise.all(workers.map((worker) => serve(worker, waiting, onMessage)));
  } catch (thrown) {
    stop();
    throw thrown;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Feeds one worker until nothing waits; resolves when its thread has ended. */
function serve<Message extends { type: string }>(
  worker: Worker,
  waiting: (() => { type: string })[],
  onMessage: (message: Message) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    // What still waits would otherwise keep the other workers busy for a result that cannot come.
    const fail = (thrown: unknown) => {
      waiting.length = 0;
      reject(thrown);
    };
    const handOutNext = () => worker.postMessage(waiting.shift()?.() ?? ({ type: 'end' } satisfies Ending));
    worker.on('message', (message: Message) => {
      try {
        if (message.type === 'ready') handOutNext();
        else onMessage(message);
      } catch (thrown) {
        fail(thrown);
      }
    });
    worker.on('error', (thrown: Error) => fail(revivedError(thrown)));
    worker.on('exit', () => resolve());
  });
}
