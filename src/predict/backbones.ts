/** The backbones a head was trained behind, rebuilt from its record and compared with it. */
import { existsSync } from 'node:fs';
import { isModelFile } from '../shared/backbones/model-file/request.ts';
import { type BackboneDescription, PRECISION } from '../shared/backbones/thread/protocol.ts';
import { type BackboneThread, startBackbone } from '../shared/backbones/thread/start.ts';
import type { Reporter } from '../shared/cli/terminal.ts';
import { InputError, unexpected, usage } from '../shared/errors.ts';
import type { HeadSource } from '../shared/head/record.ts';
import { formatResize, parseResize } from '../shared/images/resize.ts';
import { MATHS_VERSION } from '../shared/store/pipeline.ts';

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
  sources: readonly HeadSource[],
  { weights, engine, ...options }: BackbonesOptions,
): Promise<BackboneThread[]> {
  if (weights.length > 0 && weights.length !== sources.length) {
    const names = sources.map(({ pipeline }) => pipeline.backbone).join(', ');
    throw usage(`one value for each backbone of the head (${names})`, '--weights', weights);
  }
  const threads: BackboneThread[] = [];
  try {
    for (const [at, source] of sources.entries()) {
      const { backbone, size, preprocessing } = source.pipeline;
      const resize = parseResize(source.pipeline.resize, `resize of the head's ${backbone}`);
      const chosen = weights[at] ?? recordedWeights(source);
      const request = {
        ...{ name: backbone, weights: chosen, size, resize, poolings: source.columns, engine },
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

/** What the features were computed with, as long as it is still where it was. */
function recordedWeights({ pipeline: { backbone, weights } }: HeadSource): string {
  if (['imagenet', 'none'].includes(weights) || existsSync(weights)) return weights;
  throw new InputError(
    `Expected the weights of ${backbone} at ${weights}, where they were for extract, but there is no such file: pass --weights FILE`,
  );
}

function checkBackbone({ pipeline, columns, dimension }: HeadSource, found: BackboneDescription): void {
  const { backbone } = pipeline;
  if (found.weightsHash !== pipeline.weightsHash) {
    throw new InputError(
      `Expected weights of ${backbone} with SHA-256 ${pipeline.weightsHash}, which the head was trained behind, ` +
        `but ${found.weights} has ${found.weightsHash}: pass the file that was given to extract as --weights FILE`,
    );
  }
  const inputs = found.columns.reduce((sum, column) => sum + column.dimension, 0);
  if (inputs !== dimension)
    throw unexpected(`${dimension} features`, `${columns.join(', ')} of ${backbone}`, inputs);
  const alike: [string, string, string][] = [
    ['preprocessing', pipeline.preprocessing, found.preprocessing],
    ['resize', pipeline.resize, formatResize(found.resize)],
    ['precision', pipeline.precision, PRECISION],
    ['version of the maths', String(pipeline.maths), String(MATHS_VERSION)],
  ];
  for (const [what, expected, received] of alike) {
    if (expected !== received) throw unexpected(`${what} ${expected}`, `the head's ${backbone}`, received);
  }
}
