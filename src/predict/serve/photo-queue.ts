/** Photos on their way through a server: they come in, wait to be decoded and wait for their prediction, each within bounds. */
import type { IncomingMessage } from 'node:http';
import pLimit from 'p-limit';
import type { Note } from '../../shared/images/depth.ts';
import { decodeSizes } from '../../shared/images/input-sizes.ts';
import type { LoadedHead, Prediction } from '../loaded-head.ts';
import { createBatcher } from './batcher.ts';
import { FORM_BYTES, imageOf } from './body.ts';
import { type Body, createBodyMemory } from './memory.ts';
import { Refusal } from './refusal.ts';

export interface PhotoQueueOptions {
  loadedHead: LoadedHead;
  /** Largest image in bytes. */
  maxBytes: number;
  /** Maximum bytes of all images that are being received or wait to be decoded; further requests get status 503. */
  maxTotalBytes: number;
  /** Images that may wait for their prediction; beyond it requests get status 503. */
  maxWaiting: number;
  /** Images in one run of a backbone. */
  batchSize: number;
  /** Images decoded at a time. */
  concurrency: number;
}

export interface PhotoQueue {
  /** Requests whose bodies are coming in: bounded by their bytes, so that a slow one takes nobody's place. */
  readonly receiving: number;
  /** Images that have come as a whole and are decoded or wait for their prediction. */
  readonly waiting: number;
  /** @throws Refusal for a request beyond the bounds, InputError for bytes that are no image */
  predict(request: IncomingMessage, note: Note): Promise<Prediction>;
}

export function createPhotoQueue({
  loadedHead,
  maxBytes,
  maxWaiting,
  ...options
}: PhotoQueueOptions): PhotoQueue {
  const inputSizes = loadedHead.threads.map(({ description }) => description);
  const decoding = pLimit(options.concurrency);
  const batcher = createBatcher<Uint8Array[], Prediction>({
    batchSize: options.batchSize,
    max: maxWaiting,
    run: (images) => loadedHead.predict(images),
  });
  const memory = createBodyMemory(options.maxTotalBytes);
  const busy = new Refusal(503, `Expected at most ${maxWaiting} images at a time: try again later`);
  let receiving = 0;
  let waiting = 0;

  const received = async (request: IncomingMessage, body: Body): Promise<Buffer> => {
    receiving++;
    try {
      const bytes = await imageOf(request, maxBytes + FORM_BYTES, body);
      if (bytes.length > maxBytes) throw new Refusal(413, `Expected at most ${maxBytes} bytes`);
      return bytes;
    } finally {
      receiving--;
    }
  };

  return {
    get receiving() {
      return receiving;
    },
    get waiting() {
      return waiting;
    },
    async predict(request, note) {
      if (waiting >= maxWaiting) throw busy;
      const body = memory.open();
      try {
        const bytes = await received(request, body);
        if (waiting >= maxWaiting) throw busy;
        waiting++;
        try {
          const pixels = await decoding(() => decodeSizes(bytes, inputSizes, note));
          body.close();
          return await (batcher.add(pixels) ?? Promise.reject(busy));
        } finally {
          waiting--;
        }
      } finally {
        body.close();
      }
    },
  };
}
