/** Starts the backbone's thread, or several for an engine that keeps only one core busy, and gives it batches. */
import { availableParallelism } from 'node:os';
import { SHARE_ENV, Worker } from 'node:worker_threads';
import { builtFiles } from '../../built-files.ts';
import { InputError, revivedError } from '../../errors.ts';
import type { Reporter } from '../../reporter.ts';
import { fetchWeights } from '../open-weights.ts';
import type { BackboneDescription, FromBackbone, ThreadRequest, ToBackbone } from './protocol.ts';

type Ready = Extract<FromBackbone, { kind: 'ready' }>;
type Features = Extract<FromBackbone, { kind: 'features' }>;

/** A backbone that computes beside the caller's thread. */
export interface BackboneThread {
  description: BackboneDescription;
  /** Batches that are computed at a time. */
  lanes: number;
  /**
   * Computes the features of the first `images` images in `pixels`, whose memory moves to the thread and comes back
   * with the features: one array a column, images * dimension numbers. Batches are computed in the order of the calls.
   */
  run(pixels: Uint8Array<ArrayBuffer>, images: number): Promise<Features>;
  /** Ends the thread after the batches it has; terminating it inside a run would abort the process. */
  finish(): Promise<void>;
}

interface Waiting {
  resolve(features: Features): void;
  reject(error: Error): void;
}

/**
 * Milliseconds in which a weights file is opened and its layers are listed, or one array of it is read; of the largest
 * it takes a tenth of a second.
 * On some damaged files the HDF5 library never ends.
 */
const LONGEST_OPENING = 3000;

/**
 * Loads a backbone, or the front of one, in a thread of its own, after its published weights have been downloaded if need be.
 * @throws UsageError and InputError as loading the backbone does; the abort reason of `signal`
 */
export async function startBackbone(
  request: ThreadRequest,
  options: { signal?: AbortSignal; reporter?: Reporter } = {},
): Promise<BackboneThread> {
  await fetchWeights(request, options);
  const first = await startThread(request, options.reporter);
  if (!first.singleThreaded) return first;
  const count = availableParallelism() - 1;
  const started = await Promise.allSettled(Array.from({ length: count }, () => startThread(request)));
  const others = started.filter((thread) => thread.status === 'fulfilled').map(({ value }) => value);
  return inTurn([first, ...others]);
}

/** Threads that take batches in turn, as one. */
function inTurn(threads: readonly BackboneThread[]): BackboneThread {
  let next = 0;
  return {
    description: threads[0].description,
    lanes: threads.length,
    run: (pixels, images) => threads[next++ % threads.length].run(pixels, images),
    async finish() {
      await Promise.all(threads.map((thread) => thread.finish()));
    },
  };
}

async function startThread(
  request: ThreadRequest,
  reporter?: Reporter,
): Promise<BackboneThread & { singleThreaded: boolean }> {
  const file = builtFiles.module('shared/backbones/thread/worker.js');
  // Native libraries read settings from the process's own environment, which engines write to.
  const worker = new Worker(file, { workerData: request, env: SHARE_ENV });
  const waiting: Waiting[] = [];
  let failure: Error | undefined;
  const ended = new Promise<void>((resolve) => {
    worker.once('exit', () => resolve());
  });

  const { description, singleThreaded } = await new Promise<Ready>((resolve, reject) => {
    let watchdog: NodeJS.Timeout | undefined;
    const fail = (error: Error): void => {
      clearTimeout(watchdog);
      failure ??= error;
      reject(failure);
      for (const batch of waiting.splice(0)) batch.reject(failure);
    };
    const watch = (file: string): void => {
      watchdog = setTimeout(() => {
        fail(
          new InputError(
            `Expected readable weights in ${file}, but they are damaged: reading them does not end`,
          ),
        );
        void worker.terminate();
      }, LONGEST_OPENING);
    };
    worker.on('message', (message: FromBackbone) => {
      if (message.kind === 'opening') watch(message.file);
      else if (message.kind === 'opened') clearTimeout(watchdog);
      else if (message.kind === 'ready') resolve(message);
      else if (message.kind === 'features') waiting.shift()!.resolve(message);
      else if (message.kind === 'note') reporter?.warn(message.message);
      else if (message.kind === 'info') reporter?.info(message.message);
      else fail(revivedError(message));
    });
    worker.once('error', fail);
    worker.once('exit', () => fail(new Error('The thread of the backbone ended early')));
  });

  return {
    description,
    singleThreaded,
    lanes: 1,
    run: (pixels, images) =>
      new Promise((resolve, reject) => {
        if (failure) return reject(failure);
        waiting.push({ resolve, reject });
        worker.postMessage({ pixels, images } satisfies ToBackbone, [pixels.buffer]);
      }),
    async finish() {
      worker.postMessage(null satisfies ToBackbone);
      await ended;
    },
  };
}
