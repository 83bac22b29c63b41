/** Padding and dilation as TensorFlow.js takes them. */
import type { Tensor4D } from '@tensorflow/tfjs-core';
import type { PoolingAttributes, SpatialPadding } from '../../graph/value.ts';
import type { Tensorflow } from './runtime.ts';

type Pads = [[number, number], [number, number], [number, number], [number, number]];

export const tensorPads = ([top, bottom, left, right]: SpatialPadding): Pads => [
  [0, 0],
  [top, bottom],
  [left, right],
  [0, 0],
];

export const isZero = (padding: SpatialPadding): boolean => padding.every((size) => size === 0);

export const pair = ([a, b]: readonly [number, number]): [number, number] => [a, b];

/** Below every activation, and finite: 0 * -Infinity would be NaN. */
export const LOWEST = -3.4e38;

/**
 * Padding that TensorFlow's pools know by name: none, or what keeps ceil(size / stride) windows.
 * @param size the image's height and width
 */
export function namedPadding(
  size: readonly number[],
  { window, strides, padding }: PoolingAttributes,
): 'valid' | 'same' | undefined {
  if (isZero(padding)) return 'valid';
  const same = [0, 1].flatMap((axis) => {
    const windows = Math.ceil(size[axis] / strides[axis]);
    const total = Math.max(0, (windows - 1) * strides[axis] + window[axis] - size[axis]);
    return [Math.floor(total / 2), Math.ceil(total / 2)];
  });
  return same.every((zeros, index) => zeros === padding[index]) ? 'same' : undefined;
}

/** A kernel HWIO or HWC1 with zeros between its taps: the native library's other kernels know no dilation. */
export function spread(
  tf: Tensorflow,
  kernel: Tensor4D,
  [down, across]: readonly [number, number],
): Tensor4D {
  if (down === 1 && across === 1) return kernel;
  const [height, width, ins, outs] = kernel.shape;
  const apart = tf.pad(tf.reshape(kernel, [height, 1, width, 1, ins * outs]), [
    [0, 0],
    [0, down - 1],
    [0, 0],
    [0, across - 1],
    [0, 0],
  ]);
  const whole: Tensor4D = tf.reshape(apart, [height * down, width * across, ins, outs]);
  return tf.slice(whole, 0, [(height - 1) * down + 1, (width - 1) * across + 1, ins, outs]);
}
