/** The worker threads that train tails. */
import { SHARE_ENV, Worker } from 'node:worker_threads';
import { builtFiles } from '../../shared/built-files.ts';
import { loadEngine } from '../../shared/engines/engine.ts';
import { revivedError } from '../../shared/errors.ts';
import type { Head } from '../../shared/head/record.ts';
import type { TailData } from './data.ts';
import type { FromWorker, TailCheckpoint, ToWorker, WorkerStart } from './messages.ts';
import { sendableNetwork, type TailNetwork } from './network.ts';

/** What tails of one cut have in common. */
export interface TailRequest {
  network: TailNetwork;
  data: TailData;
  /** The head that training starts from, with the normalisation of its inputs. */
  start: Head;
  engine: string;
  /** Cores to keep busy. */
  workers: number;
  /** Threads inside one operation, see {@link threadsOf}; the last bits of what training ends with depend on it. */
  threads: number;
  /** Whether tails are kept on the engine's device; default: where that is a GPU. */
  usesDevice?: boolean;
}

/** Threads inside one operation that keep all cores busy with so many trainings. */
export function threadsOf(trainings: number, workers: number): number {
  return Math.max(1, Math.floor(workers / trainings));
}

/** One piece of a worker's work. */
export type Work = Extract<ToWorker, { type: 'train' | 'predict' }>;

/**
 * Hands out all work.
 * @throws what a worker or `onMessage` threw
 */
export async function runWorkers(
  work: readonly Work[],
  options: TailRequest & { checkpoint?: TailCheckpoint },
  signal: AbortSignal,
  onMessage: (message: FromWorker) => void,
): Promise<void> {
  const waiting = [...work];
  if (waiting.length === 0) return;
  const usesDevice = options.usesDevice ?? (await computesOnGpu(options.engine));
  const { threads } = options;
  // One worker keeps a device busy.
  const most = usesDevice ? 1 : Math.floor(options.workers / threads);
  const count = Math.max(1, Math.min(most, waiting.length));
  const workers = Array.from({ length: count }, () => startWorker({ ...options, threads, usesDevice }));
  const stop = () => {
    waiting.length = 0;
    for (const worker of workers) tell(worker, { type: 'stop' });
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

async function computesOnGpu(name: string): Promise<boolean> {
  const { usesDevice, device } = await loadEngine(name, { threads: 1 });
  return usesDevice !== undefined && device !== 'cpu';
}

function startWorker({ network, data, start, engine, threads, usesDevice, checkpoint }: WorkerStart): Worker {
  const sent = sendableNetwork(network);
  const workerData: WorkerStart = { network: sent, data, start, engine, threads, usesDevice, checkpoint };
  // Native libraries read the number of threads from the process's own environment, which engines write to.
  return new Worker(builtFiles.module('fine-tune/tail/worker.js'), { workerData, env: SHARE_ENV });
}

function tell(worker: Worker, message: ToWorker): void {
  worker.postMessage(message);
}

/** Feeds one worker until nothing waits; resolves when its thread has ended. */
function serve(worker: Worker, waiting: Work[], onMessage: (message: FromWorker) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    // What still waits would otherwise keep the other workers busy for a result that cannot come.
    const fail = (thrown: unknown) => {
      waiting.length = 0;
      reject(thrown);
    };
    worker.on('message', (message: FromWorker) => {
      if (message.type === 'ready') return tell(worker, waiting.shift() ?? { type: 'end' });
      try {
        onMessage(message);
      } catch (thrown) {
        fail(thrown);
      }
    });
    worker.on('error', (thrown: Error) => fail(revivedError(thrown)));
    worker.on('exit', () => resolve());
  });
}
