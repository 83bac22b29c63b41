/** The zeros around an image that Keras's padding modes stand for. */
import type { Shape, SpatialPadding } from '../../graph/value.ts';

export type Pair = readonly [number, number];

/** As in Keras, or the rows and columns of zeros to add: top, bottom, left, right. */
export type Padding = 'same' | 'valid' | SpatialPadding;

export function spatialPadding(shape: Shape, window: Pair, strides: Pair, padding: Padding): SpatialPadding {
  if (padding === 'valid') return [0, 0, 0, 0];
  if (padding !== 'same') return padding;
  const rows = samePadding(shape[1], window[0], strides[0]);
  const columns = samePadding(shape[2], window[1], strides[1]);
  return [...rows, ...columns];
}

/**
 * TensorFlow's `SAME`: as much padding as makes the output ceil(size / stride) long, the odd one behind.
 * Source: tensorflow.org/api_docs/python/tf/nn, "Notes on padding".
 */
function samePadding(size: number, window: number, stride: number): [number, number] {
  const total = Math.max((Math.ceil(size / stride) - 1) * stride + window - size, 0);
  const before = Math.floor(total / 2);
  return [before, total - before];
}

/** What goes before a strided `valid` convolution: correct_pad of keras/src/applications/imagenet_utils.py. */
export function correctPad([, height, width]: Shape, kernel: Pair): SpatialPadding {
  const [rows, columns] = kernel.map((size) => Math.floor(size / 2));
  return [rows - 1 + (height % 2), rows, columns - 1 + (width % 2), columns];
}
