/** The table operation → TensorFlow.js call. Graphs are NHWC with HWIO kernels, which is TensorFlow's own layout. */
import type { Tensor, Tensor4D } from '@tensorflow/tfjs-core';
import type { ComputedOperation } from '../../graph/operations/index.ts';
import type { ReductionAttributes, SpatialPadding, Value } from '../../graph/value.ts';
import { concreteShape } from '../arrays.ts';
import type { Tensorflow } from './runtime.ts';

/** What a call needs beside its operands. */
export interface Call<O extends ComputedOperation> {
  tf: Tensorflow;
  value: Value<O>;
  /** What the open batch size is in this run. */
  batch: number;
}

/** Computes one value; intermediate tensors are left to the caller's tidy. */
type Translation<O extends ComputedOperation> = (operands: Tensor[], call: Call<O>) => Tensor;

type Function1 = (x: Tensor) => Tensor;
type Function2 = (a: Tensor, b: Tensor) => Tensor;

const unary =
  (choose: (tf: Tensorflow) => Function1) =>
  ([x]: Tensor[], { tf }: { tf: Tensorflow }) =>
    choose(tf)(x);

const binary =
  (choose: (tf: Tensorflow) => Function2) =>
  ([a, b]: Tensor[], { tf }: { tf: Tensorflow }) =>
    choose(tf)(a, b);

type Reduce = (x: Tensor, axes: number[], keepDims: boolean) => Tensor;

const reduction =
  (choose: (tf: Tensorflow) => Reduce) =>
  ([x]: Tensor[], { tf, value }: { tf: Tensorflow; value: { attributes: ReductionAttributes } }) =>
    choose(tf)(x, [...value.attributes.axes], value.attributes.keepDims);

type Pads = [[number, number], [number, number], [number, number], [number, number]];

const tensorPads = ([top, bottom, left, right]: SpatialPadding): Pads => [
  [0, 0],
  [top, bottom],
  [left, right],
  [0, 0],
];

const isZero = (padding: SpatialPadding): boolean => padding.every((size) => size === 0);

const convolutionPads = (padding: SpatialPadding): Pads | 'valid' =>
  isZero(padding) ? 'valid' : tensorPads(padding);

const pair = ([a, b]: readonly [number, number]): [number, number] => [a, b];

/** A kernel HWC1 with zeros between its taps: the native library has no dilated depthwise convolution. */
function spread(tf: Tensorflow, kernel: Tensor, [down, across]: readonly [number, number]): Tensor {
  if (down === 1 && across === 1) return kernel;
  const [height, width, channels] = kernel.shape;
  const apart = tf.pad(tf.reshape(kernel, [height, 1, width, 1, channels]), [
    [0, 0],
    [0, down - 1],
    [0, 0],
    [0, across - 1],
    [0, 0],
  ]);
  const whole = tf.reshape(apart, [height * down, width * across, channels, 1]);
  return tf.slice(whole, 0, [(height - 1) * down + 1, (width - 1) * across + 1, channels, 1]);
}

/** Padding that TensorFlow's pools know by name: none, or what keeps ceil(size / stride) windows. */
function namedPadding({
  inputs: [{ shape }],
  attributes: { window, strides, padding },
}: Value<'maxPool' | 'avgPool'>): 'valid' | 'same' | undefined {
  if (isZero(padding)) return 'valid';
  const same = [0, 1].flatMap((axis) => {
    const size = shape[axis + 1];
    const total = Math.max(0, (Math.ceil(size / strides[axis]) - 1) * strides[axis] + window[axis] - size);
    return [Math.floor(total / 2), Math.ceil(total / 2)];
  });
  return same.every((size, index) => size === padding[index]) ? 'same' : undefined;
}

/** Below every activation, and finite: 0 * -Infinity would be NaN. */
const LOWEST = -3.4e38;

export const TENSORFLOW_OPERATIONS: { readonly [O in ComputedOperation]: Translation<O> } = {
  add: binary((tf) => tf.add),
  sub: binary((tf) => tf.sub),
  mul: binary((tf) => tf.mul),
  div: binary((tf) => tf.div),
  neg: unary((tf) => tf.neg),
  exp: unary((tf) => tf.exp),
  log: unary((tf) => tf.log),
  sqrt: unary((tf) => tf.sqrt),
  erf: unary((tf) => tf.erf),
  sign: unary((tf) => tf.sign),
  relu: unary((tf) => tf.relu),
  sigmoid: unary((tf) => tf.sigmoid),
  tanh: unary((tf) => tf.tanh),
  softplus: unary((tf) => tf.softplus),
  clip: ([x], { tf, value: { attributes } }) => tf.clipByValue(x, attributes.min, attributes.max),
  // TensorFlow.js has no uint8; pixels are int32 there.
  cast: ([x], { tf, value: { attributes } }) => tf.cast(x, attributes.to === 'float32' ? 'float32' : 'int32'),
  softmax: unary((tf) => tf.softmax),
  logSoftmax: unary((tf) => tf.logSoftmax),
  layerNorm([x, gamma, beta], { tf, value: { attributes } }) {
    const { mean, variance } = tf.moments(x, -1, true);
    const normalized = tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, attributes.epsilon)));
    return tf.add(tf.mul(normalized, gamma), beta);
  },
  matmul: ([a, b], { tf, value: { attributes } }) =>
    tf.matMul(a, b, attributes.transposeA, attributes.transposeB),
  conv2d: ([x, kernel, bias], { tf, value: { attributes } }) =>
    tf.fused.conv2d({
      x: x as Tensor4D,
      filter: kernel as Tensor4D,
      bias,
      strides: pair(attributes.strides),
      pad: convolutionPads(attributes.padding),
      dilations: pair(attributes.dilations),
    }),
  depthwiseConv2d([x, kernel, bias], { tf, value: { attributes } }) {
    const { strides, padding, dilations } = attributes;
    const taps = spread(tf, kernel, dilations);
    const isSquare = strides[0] === strides[1];
    const moved = tf.depthwiseConv2d(
      x as Tensor4D,
      taps as Tensor4D,
      isSquare ? pair(strides) : 1,
      convolutionPads(padding),
    );
    // Nor has it strides that differ: every place is computed, of which some are kept.
    const result = isSquare ? moved : tf.stridedSlice(moved, [0, 0, 0, 0], moved.shape, [1, ...strides, 1]);
    return bias ? tf.add(result, bias) : result;
  },
  maxPool([x], { tf, value }) {
    const { window, strides, padding } = value.attributes;
    const named = namedPadding(value);
    const padded = named ? x : tf.pad(x, tensorPads(padding), LOWEST);
    return tf.maxPool(padded as Tensor4D, pair(window), pair(strides), named ?? 'valid');
  },
  avgPool([x], { tf, value }) {
    const named = namedPadding(value);
    const average = (image: Tensor): Tensor =>
      tf.avgPool(
        image as Tensor4D,
        pair(value.attributes.window),
        pair(value.attributes.strides),
        named ?? 'valid',
      );
    if (named) return average(x);
    // Padding is not counted: the average of ones is the share of each window that lies on the image.
    const [, height, width] = x.shape;
    const pads = tensorPads(value.attributes.padding);
    return tf.div(average(tf.pad(x, pads)), average(tf.pad(tf.ones([1, height, width, 1]), pads)));
  },
  pad: ([x], { tf, value: { attributes } }) => tf.pad(x, tensorPads(attributes.padding)),
  reduceSum: reduction((tf) => tf.sum),
  reduceMean: reduction((tf) => tf.mean),
  reduceMax: reduction((tf) => tf.max),
  reshape: ([x], { tf, value: { attributes }, batch }) =>
    tf.reshape(x, concreteShape(attributes.shape, batch)),
  broadcastTo: ([x], { tf, value: { attributes }, batch }) =>
    tf.broadcastTo(x, concreteShape(attributes.shape, batch)),
  transpose: ([x], { tf, value: { attributes } }) => tf.transpose(x, [...attributes.permutation]),
  concat: (operands, { tf, value: { attributes } }) => tf.concat(operands, attributes.axis),
  slice([x], { tf, value: { attributes } }) {
    const { axis, start, end } = attributes;
    const begin = x.shape.map((_, index) => (index === axis ? start : 0));
    return tf.slice(x, begin, x.shape.with(axis, end - start));
  },
};
