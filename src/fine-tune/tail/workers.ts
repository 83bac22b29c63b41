/** The worker threads that train tails. */
import { computesOnGpu } from '../../shared/engines/device.ts';
import type { Head } from '../../shared/head/record.ts';
import { handOut } from '../../shared/training/hand-out.ts';
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
  if (work.length === 0) return;
  const { network, data, start, engine, threads, checkpoint } = options;
  const usesDevice = options.usesDevice ?? (await computesOnGpu(engine));
  const sent = sendableNetwork(network);
  const workerData: WorkerStart = { network: sent, data, start, engine, threads, usesDevice, checkpoint };
  await handOut<FromWorker>(
    work.map((piece) => () => piece),
    {
      module: 'fine-tune/tail/worker.js',
      workerData,
      // One worker keeps a device busy.
      workers: usesDevice ? 1 : Math.floor(options.workers / threads),
      signal,
      onMessage,
    },
  );
}
