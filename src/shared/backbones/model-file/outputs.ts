/** How what an ONNX model gives becomes one feature vector per image. */
import { MAP_POOLING_NAMES } from '../../depth-words.ts';
import { InputError, usage } from '../../errors.ts';
import { concat, reshape, slice, transpose } from '../../graph/build.ts';
import { BATCH, type Value } from '../../graph/value.ts';
import type { Size } from '../../images/resize.ts';
import { type PoolingName, pool } from '../pooling.ts';
import type { ModelConfig } from './config.ts';

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
 * @param config of the model, which knows its registers
 * @throws InputError for tokens of another number than the configuration has
 */
export function outputKind(
  shape: readonly number[],
  { order, size, config }: { order: ChannelOrder; size: Size; config: ModelConfig | undefined },
): OutputKind | undefined {
  if (shape.length === 1) {
    return { what: `${shape[0]} features`, poolings: ['avg', 'flatten', 'pooler'], pool: (output) => output };
  }
  if (shape.length === 2) return tokens(shape[0], shape[1], extraTokens(shape[0], size, config));
  if (shape.length !== 3) return undefined;
  return {
    what: `a map of ${shape.join('x')}`,
    poolings: MAP_POOLING_NAMES,
    pool: (output, pooling) => pool(order === 'nchw' ? transpose(output, [0, 2, 3, 1]) : output, pooling),
  };
}

function tokens(count: number, dimension: number, extra: number): OutputKind {
  const patches = count - extra;
  const cls = (output: Value) => reshape(slice(output, { axis: 1, start: 0, end: 1 }), [BATCH, dimension]);
  const grid = (output: Value, pooling: PoolingName) => {
    const kept = extra > 0 ? slice(output, { axis: 1, start: extra, end: count }) : output;
    return pool(reshape(kept, [BATCH, patches, 1, dimension]), pooling);
  };
  const mean = (output: Value) => grid(output, 'avg');
  return {
    what: extra > 0 ? `${extra} + ${patches} tokens` : `${patches} tokens without a class token`,
    poolings: [
      ...(extra > 0 ? (['cls', 'mean', 'cls+mean'] as const) : (['mean'] as const)),
      ...MAP_POOLING_NAMES,
    ],
    pool(output, pooling) {
      if (pooling === 'cls') return cls(output);
      if (pooling === 'cls+mean') return concat([cls(output), mean(output)], { axis: 1 });
      return pooling === 'mean' ? mean(output) : grid(output, pooling);
    },
  };
}

/** How many of `count` tokens are no patches: as the configuration says, else as {@link patchTokens} finds. */
function extraTokens(count: number, size: Size, config: ModelConfig | undefined): number {
  if (config?.patch === undefined || config.extraTokens === undefined)
    return count - (patchTokens(count, size) ?? count);
  const patches = Math.floor(size.width / config.patch) * Math.floor(size.height / config.patch);
  const extra = count - patches;
  // Inside a network, tokens of patches may still be alone, or without registers.
  if (extra === config.extraTokens || extra === 0 || (extra === 1 && config.extraTokens > 0)) return extra;
  throw new InputError(
    `Expected ${config.extraTokens} + ${patches} tokens of a ${config.family} with patches of ${config.patch}, as config.json says, but received ${count}`,
  );
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
