/** Tails handed out to worker threads. */
import { SHARE_ENV, Worker } from 'node:worker_threads';
import { trainedWeights } from '../../shared/backbones/cut/weights.ts';
import { builtFiles } from '../../shared/built-files.ts';
import { revivedError, usage } from '../../shared/errors.ts';
import type { Head } from '../../shared/head/record.ts';
import type { EpochRecord } from '../../shared/training/result.ts';
import type { TailData } from './data.ts';
import type { FromWorker, TailCheckpoint, ToWorker, WorkerStart } from './messages.ts';
import { sendableNetwork, type TailNetwork } from './network.ts';
import { tailStates } from './saved-state.ts';
import type { TailJob, TrainedTail } from './train-tail.ts';

/** What tails of one cut have in common. */
export interface TailRequest {
  network: TailNetwork;
  data: TailData;
  /** The head that training starts from, with the normalisation of its inputs. */
  start: Head;
  engine: string;
  /** Cores to keep busy. */
  workers: number;
  /** Threads inside one operation; default: one where there is a job for each core, else all cores for one job after the other. */
  threads?: number;
}

export interface TrainTailsOptions extends TailRequest {
  signal: AbortSignal;
  /** Where trainings under way are saved, so that a killed run resumes from there. */
  checkpoint?: TailCheckpoint;
  onEpoch(id: string, record: EpochRecord): void;
  /** After it returns, what was saved of the training is removed, unless it was stopped. */
  onFinished(trained: TrainedTail): void;
  /** A tail has reached its job's `pauseAfter`, and is saved: a job with the same id and settings resumes. */
  onPaused?(trained: TrainedTail): void;
}

/** One piece of a worker's work. */
type Work = Extract<ToWorker, { type: 'train' | 'predict' }>;

/**
 * Trains all tails. When `signal` aborts, those under way end early as `stopped` and the rest are not started.
 * @throws UsageError for weights to train that the network does not have and for lbfgs, and what a worker threw; tails that
 *   finished before have been reported
 */
export async function trainTails(jobs: readonly TailJob[], options: TrainTailsOptions): Promise<void> {
  const { network, signal, checkpoint, onEpoch, onFinished, onPaused } = options;
  const states = checkpoint && tailStates(checkpoint.folder);
  const work = jobs.map((job): Work => {
    if (job.config.optimizer === 'lbfgs')
      throw usage('an optimizer that steps batch by batch', '--optimizer', job.config.optimizer);
    return { type: 'train', job, trained: trainedNames(network, job.config.tail.train) };
  });
  const whole = (trained: TrainedTail): TrainedTail => ({
    ...trained,
    tail: allWeights(network, trained.tail),
  });
  await runWorkers(work, options, signal, (message) => {
    if (message.type === 'epoch') onEpoch(message.id, message.record);
    if (message.type === 'finished') {
      const { id, status } = message.trained.result;
      onFinished(whole(message.trained));
      // Whoever wanted to keep it has it now; what was stopped may go on.
      if (status !== 'stopped') states?.remove(id);
    }
    if (message.type === 'paused') onPaused?.(whole(message.trained));
  });
}

/**
 * What a trained tail and head predict for rows of the activations.
 * @returns probabilities [rows, classes]
 */
export async function predictTail(
  tail: TrainedTail,
  rows: Int32Array,
  request: TailRequest,
): Promise<Float32Array> {
  const trained = trainedNames(request.network, tail.result.config.tail!.train);
  let predicted = new Float32Array(0);
  const work: Work[] = [{ type: 'predict', tail, trained, rows }];
  await runWorkers(work, request, new AbortController().signal, (message) => {
    if (message.type === 'predicted') predicted = Float32Array.from(message.probabilities);
  });
  return predicted;
}

/** Those that training did not change are the network's. */
function allWeights({ weights }: TailNetwork, changed: TrainedTail['tail']): TrainedTail['tail'] {
  if (changed.size === 0) return changed;
  return new Map(weights.map(({ name, shape, data }) => [name, changed.get(name) ?? { shape, data }]));
}

/** Names of the weights that `train` stands for. */
function trainedNames({ weights }: TailNetwork, train: string): string[] {
  return trainedWeights(weights, train).map(({ name }) => name);
}

async function runWorkers(
  work: readonly Work[],
  options: TailRequest & Pick<TrainTailsOptions, 'checkpoint'>,
  signal: AbortSignal,
  onMessage: (message: FromWorker) => void,
): Promise<void> {
  const waiting = [...work];
  if (waiting.length === 0) return;
  const { threads = waiting.length >= options.workers ? 1 : options.workers } = options;
  const count = Math.max(1, Math.min(Math.floor(options.workers / threads), waiting.length));
  const workers = Array.from({ length: count }, () => startWorker(options, threads));
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

function startWorker(
  { network, data, start, engine, checkpoint }: TailRequest & Pick<TrainTailsOptions, 'checkpoint'>,
  threads: number,
): Worker {
  const workerData: WorkerStart = {
    network: sendableNetwork(network),
    data,
    start,
    engine,
    threads,
    checkpoint,
  };
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
