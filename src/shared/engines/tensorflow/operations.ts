/** The table operation → TensorFlow.js call. Graphs are NHWC with HWIO kernels, which is TensorFlow's own layout. */
import type { Tensor, Tensor4D } from '@tensorflow/tfjs-core';
import type { ComputedOperation } from '../../graph/operations/index.ts';
import type { ReductionAttributes, SpatialPadding, Value } from '../../graph/value.ts';
import { concreteShape } from '../arrays.ts';
import { isZero, LOWEST, namedPadding, pair, spread, tensorPads } from './padding.ts';
import type { Tensorflow } from './runtime.ts';
import {
  avgPoolGradient,
  conv2dImageGradient,
  conv2dKernelGradient,
  countedShare,
  depthwiseImageGradient,
  depthwiseKernelGradient,
  maxPoolGradient,
} from './spatial-gradients.ts';

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

const gradient =
  <A>(compute: (tf: Tensorflow, operands: Tensor4D[], attributes: A) => Tensor) =>
  (operands: Tensor[], { tf, value }: { tf: Tensorflow; value: { attributes: A } }) =>
    compute(tf, operands as Tensor4D[], value.attributes);

type Reduce = (x: Tensor, axes: number[], keepDims: boolean) => Tensor;

const reduction =
  (choose: (tf: Tensorflow) => Reduce) =>
  ([x]: Tensor[], { tf, value }: { tf: Tensorflow; value: { attributes: ReductionAttributes } }) =>
    choose(tf)(x, [...value.attributes.axes], value.attributes.keepDims);

const convolutionPads = (padding: SpatialPadding) => (isZero(padding) ? 'valid' : tensorPads(padding));

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
  isBetween: ([x], { tf, value: { attributes } }) =>
    tf.cast(tf.logicalAnd(tf.greater(x, attributes.min), tf.less(x, attributes.max)), 'float32'),
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
  conv2d([x, kernel, bias], { tf, value: { attributes } }) {
    const { strides, padding, dilations } = attributes;
    const isStrided = strides.some((stride) => stride > 1);
    return tf.fused.conv2d({
      x: x as Tensor4D,
      // TensorFlow.js takes strides or dilations, not both.
      filter: isStrided ? spread(tf, kernel as Tensor4D, dilations) : (kernel as Tensor4D),
      bias,
      strides: pair(strides),
      pad: convolutionPads(padding),
      dilations: isStrided ? 1 : pair(dilations),
    });
  },
  depthwiseConv2d([x, kernel, bias], { tf, value: { attributes } }) {
    const { strides, padding, dilations } = attributes;
    const taps = spread(tf, kernel as Tensor4D, dilations);
    const isSquare = strides[0] === strides[1];
    const moved = tf.depthwiseConv2d(
      x as Tensor4D,
      taps,
      isSquare ? pair(strides) : 1,
      convolutionPads(padding),
    );
    // Nor has it strides that differ: every place is computed, of which some are kept.
    const result = isSquare ? moved : tf.stridedSlice(moved, [0, 0, 0, 0], moved.shape, [1, ...strides, 1]);
    return bias ? tf.add(result, bias) : result;
  },
  maxPool([x], { tf, value }) {
    const { window, strides, padding } = value.attributes;
    const named = namedPadding(x.shape.slice(1, 3), value.attributes);
    const padded = named ? x : tf.pad(x, tensorPads(padding), LOWEST);
    return tf.maxPool(padded as Tensor4D, pair(window), pair(strides), named ?? 'valid');
  },
  avgPool([x], { tf, value: { attributes } }) {
    const { window, strides, padding } = attributes;
    const size = x.shape.slice(1, 3);
    const named = namedPadding(size, attributes);
    const padded = named ? x : tf.pad(x, tensorPads(padding));
    const average = tf.avgPool(padded as Tensor4D, pair(window), pair(strides), named ?? 'valid');
    // Padding is not counted.
    return named ? average : tf.div(average, countedShare(tf, size, attributes));
  },
  conv2dImageGradient: gradient(conv2dImageGradient),
  conv2dKernelGradient: gradient(conv2dKernelGradient),
  depthwiseConv2dImageGradient: gradient(depthwiseImageGradient),
  depthwiseConv2dKernelGradient: gradient(depthwiseKernelGradient),
  maxPoolGradient: gradient(maxPoolGradient),
  avgPoolGradient: gradient(avgPoolGradient),
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
