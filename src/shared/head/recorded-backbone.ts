/** Whether a backbone is still the one that a head was trained behind. */
import { existsSync } from 'node:fs';
import { describeBackbone } from '../backbones/load.ts';
import { isModelFile } from '../backbones/model-file/request.ts';
import { type BackboneDescription, PRECISION } from '../backbones/thread/protocol.ts';
import { InputError, UsageError, unexpected, usage } from '../errors.ts';
import { formatResize } from '../images/resize.ts';
import { MATHS_VERSION } from '../store/pipeline.ts';
import { isHubReference } from '../weights/hub/reference.ts';
import type { Head, HeadRecord, HeadSource } from './record.ts';

/**
 * The weights of each source's backbone: those given, or what its features were computed with.
 * @param given one for each source, in order, or none at all
 * @throws UsageError for too few or too many, InputError where a file is no longer where it was or a record names a
 *   backbone or a column that there is not
 */
export function weightsOf(sources: readonly HeadSource[], given: readonly string[]): string[] {
  if (given.length > 0 && given.length !== sources.length) {
    const names = sources.map(({ pipeline }) => pipeline.backbone).join(', ');
    throw usage(`one value for each backbone of the head (${names})`, '--weights', given);
  }
  for (const [index, source] of sources.entries()) checkKnown(source, index);
  return sources.map((source, index) => given[index] ?? recordedWeights(source));
}

/**
 * What takes the place of the weights of a head's one backbone, where its end was trained too.
 * @throws UsageError for a head that a program put together without it
 */
export function trainedTail({ record, tail }: Head): Head['tail'] {
  if (record.config.tail && !tail)
    throw usage('the tail of a fine-tuned head, as readHead gives it,', 'head', tail);
  return record.config.tail && tail;
}

/**
 * Whether a head takes a source's features rounded to half precision, as they were stored. Those behind a trained tail were
 * computed anew in every step.
 */
export function takesHalf({ config }: HeadRecord, { pipeline }: HeadSource): boolean {
  return pipeline.dtype === 'float16' && config.tail === undefined;
}

/** A name that is not known is no wrong flag here: nobody typed it. */
function checkKnown({ pipeline: { backbone, size }, columns }: HeadSource, index: number): void {
  if (isModelFile(backbone)) return;
  try {
    describeBackbone({ name: backbone, size, poolings: columns });
  } catch (thrown) {
    if (!(thrown instanceof UsageError)) throw thrown;
    throw new InputError(`sources[${index}] of the head's head.json: ${thrown.message}`);
  }
}

/** What the features were computed with, as long as it is still where it was. */
function recordedWeights({ pipeline: { backbone, weights } }: HeadSource): string {
  if (['imagenet', 'none'].includes(weights) || isHubReference(weights) || existsSync(weights))
    return weights;
  throw new InputError(
    `Expected the weights of ${backbone} at ${weights}, where they were for extract, but there is no such file: pass --weights FILE`,
  );
}

/** @throws InputError where a backbone no longer gives what the head was trained on */
export function checkBackbone(
  { pipeline, columns, dimension }: HeadSource,
  found: Omit<BackboneDescription, 'engine'>,
): void {
  const { backbone } = pipeline;
  if (found.weightsHash !== pipeline.weightsHash) {
    throw new InputError(
      `Expected weights of ${backbone} with SHA-256 ${pipeline.weightsHash}, which the head was trained on, ` +
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
  ];
  for (const [what, expected, received] of alike) {
    if (expected !== received) throw unexpected(`${what} ${expected}`, `the head's ${backbone}`, received);
  }
  if (pipeline.maths !== MATHS_VERSION) {
    throw new InputError(
      `The head was trained on features of ${backbone} as ${pipeline.maths < MATHS_VERSION ? 'an earlier' : 'a later'} version of permafrost computes them, ` +
        `and this one computes them differently (version ${MATHS_VERSION}, not ${pipeline.maths}): extract the features again and train the head on them`,
    );
  }
}
