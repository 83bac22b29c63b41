/** A sweep: stacks of heads handed out to worker threads. */
import { fitsMemory, type TrainingData } from '../../shared/dataset/data.ts';
import { computesOnGpu } from '../../shared/engines/device.ts';
import type { HeadJob } from '../../shared/search/configurations.ts';
import { handOut } from '../../shared/training/hand-out.ts';
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
 * @throws what a worker or a callback threw; heads that finished before have been reported
 */
export async function sweep(jobs: readonly HeadJob[], options: SweepOptions): Promise<void> {
  if (jobs.length === 0) return;
  const { data, engine, workers, signal, onFinished, onEpoch, onPaused } = options;
  const usesDevice = options.usesDevice ?? (fitsMemory(data) && (await computesOnGpu(engine)));
  const stacks = usesDevice ? planWideStacks(jobs, data) : planStacks(jobs, data.classes, workers);
  // One thread per operation: two workers with a core each beat one session with two for small products.
  const workerData: WorkerStart = { data, engine, threads: 1, usesDevice };
  await handOut<FromWorker>(
    stacks.map((stack) => () => withPaused(stack, options)),
    {
      module: 'train/sweep/worker.js',
      workerData,
      // One worker keeps a device busy, and a second would need a second copy of the rows there.
      workers: usesDevice ? 1 : workers,
      signal,
      onMessage(message) {
        if (message.type === 'finished') onFinished(message.trained);
        if (message.type === 'paused') onPaused?.(message.paused);
        if (message.type === 'epoch') onEpoch(message.heads);
      },
    },
  );
}

/** A stack, with the heads that its jobs resume. */
function withPaused(jobs: HeadJob[], { pausedHead }: SweepOptions): ToWorker {
  const paused = jobs.map(({ id, startAfter = 0 }) => (startAfter > 0 ? pausedHead?.(id) : undefined));
  return { type: 'stack', jobs, paused };
}
