/** A sweep: stacks of heads handed out to worker threads. */
import { SHARE_ENV, Worker } from 'node:worker_threads';
import { builtFiles } from '../../shared/built-files.ts';
import { fitsMemory, type TrainingData } from '../../shared/dataset/data.ts';
import { loadEngine } from '../../shared/engines/engine.ts';
import { revivedError } from '../../shared/errors.ts';
import type { HeadJob } from '../../shared/search/configurations.ts';
import type { PausedHead, TrainedHead } from '../../shared/training/head-progress.ts';
import { planWideStacks } from './device/plan-wide.ts';
import type { FromWorker, ToWorker, WorkerStart } from './messages.ts';
import { planStacks } from './plan.ts';

export interface SweepOptions {
  data: TrainingData;
  engine: string;
  /** Worker threads, one core each. */
  workers: number;
  /** Whether stacks keep their numbers on the engine's device; default: where that is a GPU. */
  usesDevice?: boolean;
  signal: AbortSignal;
  onFinished(trained: TrainedHead): void;
  onEpoch(heads: number): void;
  /** A head has reached its job's `pauseAfter`. */
  onPaused?(paused: PausedHead): void;
  /** The head that a job with `startAfter` resumes; called when the job's turn comes. */
  pausedHead?(id: string): PausedHead;
}

/**
 * Trains all heads. When `signal` aborts, heads under way end early as `stopped` and the rest are not started.
 * @throws what a worker threw; heads that finished before have been reported
 */
export async function sweep(jobs: readonly HeadJob[], options: SweepOptions): Promise<void> {
  if (jobs.length === 0) return;
  const usesDevice =
    options.usesDevice ?? (fitsMemory(options.data) && (await computesOnGpu(options.engine)));
  const { data } = options;
  const waiting = usesDevice ? planWideStacks(jobs, data) : planStacks(jobs, data.classes, options.workers);
  // One worker keeps a device busy, and a second would need a second copy of the rows there.
  const count = usesDevice ? 1 : Math.max(1, Math.min(options.workers, waiting.length));
  const workers = Array.from({ length: count }, () => startWorker(options, usesDevice));
  const stop = () => {
    waiting.length = 0;
    for (const worker of workers) tell(worker, { type: 'stop' });
  };
  options.signal.addEventListener('abort', stop, { once: true });
  if (options.signal.aborted) stop();
  try {
    await Promise.all(workers.map((worker) => serve(worker, waiting, options)));
  } catch (thrown) {
    stop();
    throw thrown;
  } finally {
    options.signal.removeEventListener('abort', stop);
  }
}

async function computesOnGpu(name: string): Promise<boolean> {
  const { usesDevice, device } = await loadEngine(name, { threads: 1 });
  return usesDevice !== undefined && device !== 'cpu';
}

function startWorker({ data, engine }: SweepOptions, usesDevice: boolean): Worker {
  // One thread per operation: two workers with a core each beat one session with two for small products.
  const start: WorkerStart = { data, engine, threads: 1, usesDevice };
  // Native libraries read the number of threads from the process's own environment, which engines write to.
  return new Worker(builtFiles.module('train/sweep/worker.js'), { workerData: start, env: SHARE_ENV });
}

function tell(worker: Worker, message: ToWorker): void {
  worker.postMessage(message);
}

/** Feeds one worker until nothing waits; resolves when its thread has ended. */
function serve(
  worker: Worker,
  waiting: HeadJob[][],
  { onFinished, onEpoch, onPaused, pausedHead }: SweepOptions,
): Promise<void> {
  const handOut = (jobs: HeadJob[]): ToWorker => ({
    type: 'stack',
    jobs,
    paused: jobs.map(({ id, startAfter = 0 }) => (startAfter > 0 ? pausedHead?.(id) : undefined)),
  });
  return new Promise((resolve, reject) => {
    worker.on('message', (message: FromWorker) => {
      if (message.type === 'finished') onFinished(message.trained);
      if (message.type === 'paused') onPaused?.(message.paused);
      if (message.type === 'epoch') onEpoch(message.heads);
      if (message.type === 'ready') {
        const stack = waiting.shift();
        tell(worker, stack ? handOut(stack) : { type: 'end' });
      }
    });
    worker.on('error', (thrown: Error) => {
      // What still waits would otherwise keep the other workers busy for a result that cannot come.
      waiting.length = 0;
      reject(revivedError(thrown));
    });
    worker.on('exit', () => resolve());
  });
}
