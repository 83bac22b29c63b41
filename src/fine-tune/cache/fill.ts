/** Computes the activations that are missing, in one pass over the photos. */
import { contentHash, type Views } from '../../shared/augment/view.ts';
import { createBatches } from '../../shared/backbones/thread/batches.ts';
import type { BackboneThread } from '../../shared/backbones/thread/start.ts';
import { InputError } from '../../shared/errors.ts';
import { imagesAhead } from '../../shared/images/ahead.ts';
import { decodeSizes } from '../../shared/images/input-sizes.ts';
import type { Notes } from '../../shared/images/notes.ts';
import type { Photos } from '../../shared/images/photos.ts';
import { pixelMemory } from '../../shared/images/pixel-memory.ts';
import { readImages } from '../../shared/images/read.ts';
import type { ActivationRow } from '../../shared/store/activations/part.ts';
import type { ActivationWriter } from '../../shared/store/activations/writer.ts';
import type { WantedContent } from './plan.ts';

/** A photo whose activations cannot be computed, and why. */
export interface LeftOut {
  path: string;
  reason: string;
}

interface FillOptions {
  thread: BackboneThread;
  photos: Photos;
  views: Views;
  /** Where the row of a view goes. */
  writerOf(view: number): ActivationWriter;
  batchSize: number;
  concurrency: number;
  notes: Notes;
  /** Told how many rows more are done with. */
  advance(rows: number): void;
  signal: AbortSignal | undefined;
}

/**
 * Reads each photo once and stores the activations of its views. However it ends, what was computed is kept.
 * @returns how many rows were stored, and the photos that could not be used
 */
export async function computeActivations(
  contents: readonly WantedContent[],
  options: FillOptions,
): Promise<{ computed: number; leftOut: LeftOut[] }> {
  const { thread, views, writerOf, batchSize, concurrency, advance, signal } = options;
  const { size, columns } = thread.description;
  const leftOut: LeftOut[] = [];
  const memory = pixelMemory();
  let computed = 0;
  const batches = createBatches<ActivationRow>([thread], {
    batchSize,
    async receive(rows, [outputs]) {
      for (const [index, row] of rows.entries()) {
        const [activation, ...features] = columns.map(({ dimension }, i) =>
          outputs[i].subarray(index * dimension, (index + 1) * dimension),
        );
        await writerOf(row.view).append(row, activation, features);
      }
      computed += rows.length;
      advance(rows.length);
    },
  });
  const reading = {
    concurrency,
    ...photoReading(options),
    get ahead() {
      return imagesAhead([size], { concurrency, batchSize, isCompiled: computed > 0 });
    },
  };
  const keep = memory.keep;
  try {
    for await (const image of readImages(contents, reading)) {
      signal?.throwIfAborted();
      const { sha256, paths, views: numbers } = image.image;
      const [path] = paths;
      if ('reason' in image) {
        leftOut.push({ path, reason: image.reason });
        advance(numbers.length);
        continue;
      }
      const pixels = keep(image.result);
      for (const view of numbers)
        await batches.add({ path, sha256, view }, [views.pixels(pixels, size, sha256, view)]);
      memory.release(pixels);
    }
    await batches.finish();
  } catch (thrown) {
    await batches.keep();
    throw thrown;
  }
  return { computed, leftOut };
}

/** From a content to the pixels of its photo. */
function photoReading({ thread, photos, notes }: FillOptions) {
  const inputSize = thread.description;
  return {
    async read({ sha256, paths }: WantedContent): Promise<Buffer> {
      let failure: unknown;
      for (const path of paths) {
        try {
          const bytes = await photos.read(path);
          if (contentHash(bytes) === sha256) return bytes;
          failure ??= new InputError('it has changed since its features were extracted');
        } catch (thrown) {
          failure ??= thrown;
        }
      }
      throw failure;
    },
    async decode(bytes: Buffer, { paths }: WantedContent): Promise<Uint8Array> {
      const [pixels] = await decodeSizes(bytes, [inputSize], notes.of(paths[0]));
      return pixels;
    },
  };
}
