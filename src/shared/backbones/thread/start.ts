/** Starts the backbone's thread and gives it batches. */
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { InputError, UsageError } from '../../errors.ts';
import type { BackboneDescription, BackboneRequest, FromBackbone, ToBackbone } from './protocol.ts';

type Features = Extract<FromBackbone, { kind: 'features' }>;

/** A backbone that computes beside the caller's thread. */
export interface BackboneThread {
  description: BackboneDescription;
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
 * Loads a backbone in a thread of its own.
 * @throws UsageError and InputError as loading the backbone does
 */
export async function startBackbone(request: BackboneRequest): Promise<BackboneThread> {
  const file = new URL(`./worker${extname(import.meta.url)}`, import.meta.url);
  const worker = new Worker(file, { workerData: request });
  const waiting: Waiting[] = [];
  let failure: Error | undefined;
  const ended = new Promise<void>((resolve) => {
    worker.once('exit', () => resolve());
  });

  const description = await new Promise<BackboneDescription>((resolve, reject) => {
    const fail = (error: Error): void => {
      failure ??= error;
      reject(failure);
      for (const batch of waiting.splice(0)) batch.reject(failure);
    };
    worker.on('message', (message: FromBackbone) => {
      if (message.kind === 'ready') resolve(message.description);
      else if (message.kind === 'features') waiting.shift()!.resolve(message);
      else fail(revive(message));
    });
    worker.once('error', fail);
    worker.once('exit', () => fail(new Error('The thread of the backbone ended early')));
  });

  return {
    description,
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

/** An error that crossed threads, as the kind it was. */
function revive({ name, message, stack }: Extract<FromBackbone, { kind: 'failed' }>): Error {
  if (name === 'UsageError') return new UsageError(message);
  if (name === 'InputError') return new InputError(message);
  const error = new Error(message);
  error.stack = stack;
  return error;
}
