/** How what an ONNX model gives becomes one feature vector per image. */

import { MAP_POOLING_NAMES } from '../../depth-words.ts';
import { type UsageError, usage } from '../../errors.ts';
import { reshape, slice, transpose } from '../../graph/build.ts';
import { BATCH, type Value } from '../../graph/value.ts';
import type { Size } from '../../images/resize.ts';
import { type PoolingName, pool } from '../pooling.ts';

/** Where a model has the colours of a pixel. */
export type ChannelOrder = 'nchw' | 'nhwc';

/** Tokens before the patches, at most: a class token and some registers. */
const MAX_EXTRA_TOKENS = 16;

export interface OutputKind {
  /** What this output is, for messages. */
  readonly what: string;
  readonly poolings: readonly PoolingName[];
  /** From the output, [batch, ...], to [batch, features]. */
  pool(output: Value, pooling: PoolingName): Value;
}

/**
 * What an output is, by its shape without the batch: [D] features, [T, D] tokens, or a map in the model's own order.
 * @param size of the images: tells which of the tokens are patches
 */
export function outputKind(
  shape: readonly number[],
  order: ChannelOrder,
  size: Size,
): OutputKind | undefined {
  if (shape.length === 1) {
    return { what: `${shape[0]} features`, poolings: ['avg', 'flatten'], pool: (output) => output };
  }
  if (shape.length === 2) return tokens(shape[0], shape[1], size);
  if (shape.length !== 3) return undefined;
  return {
    what: `a map of ${shape.join('x')}`,
    poolings: MAP_POOLING_NAMES,
    pool: (output, pooling) => pool(order === 'nchw' ? transpose(output, [0, 2, 3, 1]) : output, pooling),
  };
}

function tokens(count: number, dimension: number, size: Size): OutputKind {
  const patches = patchTokens(count, size) ?? count;
  const extra = count - patches;
  return {
    what: extra > 0 ? `${extra} + ${patches} tokens` : `${patches} tokens without a class token`,
    poolings: extra > 0 ? [...MAP_POOLING_NAMES, 'cls'] : MAP_POOLING_NAMES,
    pool(output, pooling) {
      if (pooling === 'cls') return reshape(slice(output, { axis: 1, start: 0, end: 1 }), [BATCH, dimension]);
      const grid = extra > 0 ? slice(output, { axis: 1, start: extra, end: count }) : output;
      return pool(reshape(grid, [BATCH, patches, 1, dimension]), pooling);
    },
  };
}

/**
 * How many of `count` tokens are patches, the rest being a class token and registers before them: as many as some size
 * of square patches gives. Undefined if none fits.
 */
export function patchTokens(count: number, { width, height }: Size): number | undefined {
  for (let patch = 1; patch <= Math.min(width, height); patch++) {
    const patches = Math.floor(width / patch) * Math.floor(height / patch);
    if (patches <= count) return count - patches <= MAX_EXTRA_TOKENS ? patches : undefined;
  }
  return undefined;
}

/** The pooled output. @throws UsageError where the output has nothing of the kind */
export function pooled(name: string, kind: OutputKind, output: Value, pooling: PoolingName): Value {
  if (!kind.poolings.includes(pooling))
    throw usage(`${kind.poolings.join(', ')} of ${name}, which is ${kind.what},`, '--pooling', pooling);
  return kind.pool(output, pooling);
}

/** The error for a model with several outputs, or without the requested one. */
export function chooseOutput(
  file: string,
  outputs: readonly string[],
  requested: string | undefined,
): UsageError {
  return usage(`one of the outputs ${outputs.slice(0, 20).join(', ')} of ${file}`, '--layer', requested);
}
