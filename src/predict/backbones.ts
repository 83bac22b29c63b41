/** The backbones a head was trained behind, rebuilt from its record and compared with it. */
import { isModelFile } from '../shared/backbones/model-file/request.ts';
import { type BackboneThread, startBackbone } from '../shared/backbones/thread/start.ts';
import type { Head } from '../shared/head/record.ts';
import { checkBackbone, trainedTail, weightsOf } from '../shared/head/recorded-backbone.ts';
import { parseResize } from '../shared/images/resize.ts';
import type { Reporter } from '../shared/reporter.ts';

export interface BackbonesOptions {
  /** Weights instead of those recorded: one for each source, in order, or none at all. */
  weights: readonly string[];
  engine: string;
  signal?: AbortSignal;
  reporter?: Reporter;
}

/**
 * Starts one thread for each source of a head; its columns are those the head takes.
 * @throws InputError where a backbone no longer gives what the head was trained on, UsageError for too few or too
 *   many weights
 */
export async function startBackbones(
  head: Head,
  { weights, engine, ...options }: BackbonesOptions,
): Promise<BackboneThread[]> {
  const { sources } = head.record;
  const tail = trainedTail(head);
  const chosen = weightsOf(sources, weights);
  const threads: BackboneThread[] = [];
  try {
    for (const [index, source] of sources.entries()) {
      const { backbone, size, preprocessing } = source.pipeline;
      const resize = parseResize(source.pipeline.resize, `resize of the head's ${backbone}`);
      const request = {
        name: backbone,
        weights: chosen[index],
        size,
        resize,
        poolings: source.columns,
        tail,
        engine,
        ...(isModelFile(backbone) && { preprocess: preprocessing }),
      };
      const thread = await startBackbone(request, options);
      threads.push(thread);
      checkBackbone(source, thread.description);
    }
    return threads;
  } catch (thrown) {
    await finishBackbones(threads);
    throw thrown;
  }
}

/** Ends all threads. */
export async function finishBackbones(threads: readonly BackboneThread[]): Promise<void> {
  await Promise.all(threads.map((thread) => thread.finish()));
}
