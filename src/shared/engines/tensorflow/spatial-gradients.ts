/**
 * Gradients of convolutions and pools by TensorFlow's own kernels; where the package has none (WebAssembly, dilations, strides
 * that differ), by tensor operations.
 */
import type { NamedTensorMap, Rank, Tensor, Tensor4D } from '@tensorflow/tfjs-core';
import type {
  AvgPoolGradientAttributes,
  ImageGradientAttributes,
  KernelGradientAttributes,
  PoolingAttributes,
  SpatialPadding,
} from '../../graph/value.ts';
import { isZero, LOWEST, namedPadding, pair, spread, tensorPads } from './padding.ts';
import type { Tensorflow } from './runtime.ts';

type Attributes = Record<string, number | string | number[]>;

/** A kernel of TensorFlow that has no function of its own. */
function kernelOf(
  tf: Tensorflow,
  name: string,
): ((inputs: NamedTensorMap, attributes: Attributes) => Tensor4D) | undefined {
  if (!tf.getKernel(name, tf.getBackend())) return undefined;
  return (inputs, attributes) => tf.engine().runKernel(name, inputs, attributes) as Tensor4D;
}

/** An image without the padding that it was given. */
function cropped(
  tf: Tensorflow,
  image: Tensor4D,
  [top, , left]: SpatialPadding,
  size: readonly number[],
): Tensor {
  const [batch, , , channels] = image.shape;
  return tf.slice(image, [0, top, left, 0], [batch, ...size, channels]);
}

function withPadding(
  [height, width]: readonly number[],
  [top, bottom, left, right]: SpatialPadding,
): [number, number] {
  return [height + top + bottom, width + left + right];
}

export function conv2dImageGradient(
  tf: Tensorflow,
  [upstream, kernel]: Tensor4D[],
  { strides, padding, dilations, size }: ImageGradientAttributes,
): Tensor {
  const taps = spread(tf, kernel, dilations);
  const [height, width] = withPadding(size, padding);
  const shape: [number, number, number, number] = [upstream.shape[0], height, width, kernel.shape[2]];
  const padded = tf.conv2dTranspose(upstream, taps, shape, pair(strides), 'valid');
  return isZero(padding) ? padded : cropped(tf, padded, padding, size);
}

export function conv2dKernelGradient(
  tf: Tensorflow,
  [image, upstream]: Tensor4D[],
  attributes: KernelGradientAttributes,
): Tensor {
  const { strides, padding, dilations, window } = attributes;
  const padded = isZero(padding) ? image : tf.pad(image, tensorPads(padding));
  const [ins, outs] = [image.shape[3], upstream.shape[3]];
  const own = isOne(dilations) && kernelOf(tf, 'Conv2DBackpropFilter');
  const filterShape = [...window, ins, outs];
  if (own) {
    return own(
      { x: padded, dy: upstream },
      { strides: pair(strides), pad: 'valid', dataFormat: 'NHWC', filterShape },
    );
  }
  const rows = tf.reshape(upstream, [-1, outs]);
  const parts = seenByTaps(tf, padded, upstream, attributes).map((seen) =>
    tf.matMul(tf.reshape(seen, [-1, ins]), rows, true),
  );
  return tf.reshape(tf.concat(parts, 0), filterShape);
}

export function depthwiseImageGradient(
  tf: Tensorflow,
  [upstream, kernel]: Tensor4D[],
  { strides, padding, dilations, size }: ImageGradientAttributes,
): Tensor {
  const taps = spread(tf, kernel, dilations);
  const [height, width] = withPadding(size, padding);
  const own = strides[0] === strides[1] && kernelOf(tf, 'DepthwiseConv2dNativeBackpropInput');
  if (own) {
    const inputShape = [upstream.shape[0], height, width, upstream.shape[3]];
    const options = { strides: pair(strides), pad: 'valid', dilations: [1, 1], inputShape };
    return cropped(tf, own({ dy: upstream, filter: taps }, options), padding, size);
  }
  // The upstream gradient, spread out by the strides, under the kernel turned by 180 degrees.
  const [down, across] = [taps.shape[0] - 1, taps.shape[1] - 1];
  const around = placed(tf, upstream, strides, [down, across], [height + down, width + across]);
  const turned = tf.reverse(taps, [0, 1]);
  return cropped(tf, tf.depthwiseConv2d(around, turned, 1, 'valid'), padding, size);
}

export function depthwiseKernelGradient(
  tf: Tensorflow,
  [image, upstream]: Tensor4D[],
  attributes: KernelGradientAttributes,
): Tensor {
  const { strides, padding, dilations, window } = attributes;
  const padded = isZero(padding) ? image : tf.pad(image, tensorPads(padding));
  const filterShape = [...window, image.shape[3], 1];
  const isNative = isOne(dilations) && strides[0] === strides[1];
  const own = isNative && kernelOf(tf, 'DepthwiseConv2dNativeBackpropFilter');
  if (own) {
    const options = { strides: pair(strides), pad: 'valid', dilations: [1, 1], filterShape };
    return own({ x: padded, dy: upstream }, options);
  }
  const sums = seenByTaps(tf, padded, upstream, attributes).map((seen) =>
    tf.sum(tf.mul(seen, upstream), [0, 1, 2]),
  );
  return tf.reshape(tf.stack(sums), filterShape);
}

/** What each tap of a kernel looks at, of the upstream gradient's shape but for the channels. */
function seenByTaps(
  tf: Tensorflow,
  padded: Tensor4D,
  { shape: [batch, rows, columns] }: Tensor4D,
  { strides, dilations, window }: Omit<KernelGradientAttributes, 'padding'>,
): Tensor[] {
  return Array.from({ length: window[0] * window[1] }, (_, tap) => {
    const down = Math.floor(tap / window[1]) * dilations[0];
    const across = (tap % window[1]) * dilations[1];
    const end = [batch, down + (rows - 1) * strides[0] + 1, across + (columns - 1) * strides[1] + 1];
    return tf.stridedSlice(padded, [0, down, across, 0], [...end, padded.shape[3]], [1, ...strides, 1]);
  });
}

/** An image spread out by strides, with its first pixel at `start` of an image of zeros of height and width `size`. */
function placed(
  tf: Tensorflow,
  image: Tensor4D,
  [down, across]: readonly [number, number],
  start: readonly [number, number],
  size: readonly [number, number],
): Tensor4D {
  const [batch, rows, columns, channels] = image.shape;
  const apart = tf.pad(tf.reshape(image, [batch, rows, 1, columns, 1, channels]), [
    [0, 0],
    [0, 0],
    [0, down - 1],
    [0, 0],
    [0, across - 1],
    [0, 0],
  ]);
  const [height, width] = [(rows - 1) * down + 1, (columns - 1) * across + 1];
  const whole = tf.reshape(apart, [batch, rows * down, columns * across, channels]);
  const spreadOut = tf.slice(whole, 0, [batch, height, width, channels]) as Tensor4D;
  return tf.pad(spreadOut, [
    [0, 0],
    [start[0], size[0] - start[0] - height],
    [start[1], size[1] - start[1] - width],
    [0, 0],
  ]);
}

function isOne([a, b]: readonly [number, number]): boolean {
  return a === 1 && b === 1;
}

export function maxPoolGradient(
  tf: Tensorflow,
  [image, pooled, upstream]: Tensor4D[],
  attributes: PoolingAttributes,
): Tensor {
  const { window, strides, padding } = attributes;
  const size = image.shape.slice(1, 3);
  const named = namedPadding(size, attributes);
  // WebAssembly's kernel does not take the first of equal numbers.
  const own = named && tf.getBackend() !== 'wasm' && kernelOf(tf, 'MaxPoolGrad');
  if (own) {
    const options = { filterSize: pair(window), strides: pair(strides), pad: named };
    return own({ dy: upstream, input: image, output: pooled }, options);
  }
  const padded = tf.pad(image, tensorPads(padding), LOWEST);
  const whole = withPadding(size, padding);
  let open: Tensor = tf.onesLike(pooled);
  const parts = seenByTaps(tf, padded, upstream, { ...attributes, dilations: [1, 1] }).map((seen, tap) => {
    const taken = tf.mul(open, tf.cast(tf.equal(seen, pooled), 'float32'));
    open = tf.sub(open, taken);
    const start = [Math.floor(tap / window[1]), tap % window[1]] as const;
    return placed(tf, tf.mul(taken, upstream), strides, start, whole);
  });
  return cropped(tf, tf.addN(parts), padding, size);
}

export function avgPoolGradient(
  tf: Tensorflow,
  [upstream]: Tensor4D[],
  attributes: AvgPoolGradientAttributes,
): Tensor {
  const { window, strides, padding, size } = attributes;
  const [batch, , , channels] = upstream.shape;
  // Of the image only the shape is read. WebAssembly's kernel would count the padding that it is told of.
  const input = tf.zeros<Rank.R4>([batch, ...withPadding(size, padding), channels]);
  const dy = isZero(padding) ? upstream : tf.div<Tensor4D>(upstream, countedShare(tf, size, attributes));
  const options = { filterSize: pair(window), strides: pair(strides), pad: 'valid' };
  return cropped(tf, kernelOf(tf, 'AvgPoolGrad')!({ dy, input }, options), padding, size);
}

/** The share of each window that lies on the image. */
export function countedShare(
  tf: Tensorflow,
  [height, width]: readonly number[],
  { window, strides, padding }: PoolingAttributes,
): Tensor {
  const ones = tf.pad(tf.ones<Rank.R4>([1, height, width, 1]), tensorPads(padding));
  return tf.avgPool(ones, pair(window), pair(strides), 'valid');
}
