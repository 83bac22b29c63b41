/** What the Inception networks are made of. */
import type { Value } from '../../graph/value.ts';
import type { Padding, Pair } from '../layers/padding.ts';
import type { Layers } from '../layers.ts';

/** Filters, rows, columns. */
export type Size = readonly [number, number, number];

/** Convolution, batch-norm without gamma, ReLU. Layers without a name are numbered, as Keras does it. */
export function convBn(
  x: Value,
  layers: Layers,
  [filters, ...kernel]: Size,
  { stride = 1, padding = 'same', name }: { stride?: number; padding?: Padding; name?: string } = {},
): Value {
  const strides: Pair = [stride, stride];
  const convolved = layers.conv(x, { filters, kernel, strides, padding, bias: false, name });
  const normalized = layers.batchNorm(convolved, { scale: false, name: name && `${name}_bn` });
  return layers.activation(normalized, 'relu', name && `${name}_ac`);
}

/** A chain of {@link convBn} with stride 1. */
export function chain(input: Value, layers: Layers, ...sizes: readonly Size[]): Value {
  return sizes.reduce((x, size) => convBn(x, layers, size), input);
}

/** Half the rows and columns. */
export const HALVE = { stride: 2, padding: 'valid' } as const;

/** Half the rows and columns, by their maxima. */
export function halvingPool(x: Value, layers: Layers): Value {
  return layers.maxPool(x, { window: [3, 3], strides: [2, 2] });
}
