/** Constructors of graph values: one function per operation, each checking shapes as it builds. */
import type { Operation } from './operation.ts';
import { type ComputedOperation, OPERATIONS } from './operations/index.ts';
import {
  type AvgPoolGradientAttributes,
  type Bounds,
  type ConvolutionAttributes,
  type DType,
  elementCount,
  type Graph,
  type ImageGradientAttributes,
  type KernelGradientAttributes,
  type OperationAttributes,
  type PoolingAttributes,
  type ReductionAttributes,
  type Shape,
  type SpatialPadding,
  shapeText,
  type Value,
} from './value.ts';

function apply<O extends ComputedOperation>(
  op: O,
  inputs: readonly Value[],
  attributes: OperationAttributes[O],
): Value<O> {
  const row: Operation<O> = OPERATIONS[op];
  return {
    op,
    inputs,
    attributes,
    shape: row.shape(inputs, attributes),
    dtype: row.dtype?.(attributes) ?? inputs[0].dtype,
    name: undefined,
  };
}

type Unary =
  | 'neg'
  | 'exp'
  | 'log'
  | 'sqrt'
  | 'erf'
  | 'sign'
  | 'relu'
  | 'sigmoid'
  | 'tanh'
  | 'softplus'
  | 'softmax'
  | 'logSoftmax';
type Binary = 'add' | 'sub' | 'mul' | 'div';

const unary = (op: Unary) => (x: Value) => apply(op, [x], {});
const binary = (op: Binary) => (a: Value, b: Value) => apply(op, [a, b], {});
const reduction =
  (op: 'reduceSum' | 'reduceMean' | 'reduceMax') => (x: Value, attributes: ReductionAttributes) =>
    apply(op, [x], attributes);

/** A value that is fed by `name` at every run. */
export function input(name: string, dtype: DType, shape: Shape): Value<'input'> {
  return { op: 'input', inputs: [], attributes: {}, shape, dtype, name };
}

/** A value fixed when the graph is built: weights of a frozen network. The array is kept, not copied. */
export function constant(data: Float32Array, shape: Shape, name?: string): Value<'constant'> {
  if (data.length !== elementCount(shape)) {
    throw new Error(`constant ${name ?? ''}: ${data.length} numbers cannot have shape ${shapeText(shape)}`);
  }
  return { op: 'constant', inputs: [], attributes: { data }, shape, dtype: 'float32', name };
}

/** A single number. */
export function scalar(value: number): Value<'constant'> {
  return constant(new Float32Array([value]), []);
}

export const add = binary('add');
export const sub = binary('sub');
export const mul = binary('mul');
export const div = binary('div');
export const neg = unary('neg');
export const exp = unary('exp');
export const log = unary('log');
export const sqrt = unary('sqrt');
export const erf = unary('erf');
export const sign = unary('sign');
export const relu = unary('relu');
export const sigmoid = unary('sigmoid');
export const tanh = unary('tanh');
export const softplus = unary('softplus');
/** Along the last axis. */
export const softmax = unary('softmax');
/** Along the last axis. */
export const logSoftmax = unary('logSoftmax');
export const reduceSum = reduction('reduceSum');
export const reduceMean = reduction('reduceMean');
export const reduceMax = reduction('reduceMax');

/** Over the last axis, with a scale and a shift for each of its elements. */
export function layerNorm(x: Value, gamma: Value, beta: Value, attributes: { epsilon: number }): Value {
  return apply('layerNorm', [x, gamma, beta], attributes);
}

export function clip(x: Value, bounds: Bounds): Value {
  return apply('clip', [x], bounds);
}

/** 1 where a number lies strictly between the bounds, 0 elsewhere. */
export function isBetween(x: Value, bounds: Bounds): Value {
  return apply('isBetween', [x], bounds);
}

export function cast(x: Value, to: DType): Value {
  return apply('cast', [x], { to });
}

/** Product of the last two axes; leading axes broadcast. */
export function matmul(a: Value, b: Value, { transposeA = false, transposeB = false } = {}): Value {
  return apply('matmul', [a, b], { transposeA, transposeB });
}

/** NHWC image, HWIO kernel, optional bias [O]. */
export function conv2d(
  x: Value,
  kernel: Value,
  bias: Value | undefined,
  attributes: ConvolutionAttributes,
): Value {
  return apply('conv2d', bias ? [x, kernel, bias] : [x, kernel], attributes);
}

/** NHWC image, HWC1 kernel, optional bias [C]. */
export function depthwiseConv2d(
  x: Value,
  kernel: Value,
  bias: Value | undefined,
  attributes: ConvolutionAttributes,
): Value {
  return apply('depthwiseConv2d', bias ? [x, kernel, bias] : [x, kernel], attributes);
}

export function maxPool(x: Value, attributes: PoolingAttributes): Value {
  return apply('maxPool', [x], attributes);
}

export function avgPool(x: Value, attributes: PoolingAttributes): Value {
  return apply('avgPool', [x], attributes);
}

/** Zeros around an NHWC image. */
export function pad(x: Value, padding: SpatialPadding): Value {
  return apply('pad', [x], { padding });
}

/** With respect to the image of a {@link conv2d}. */
export function conv2dImageGradient(
  upstream: Value,
  kernel: Value,
  attributes: ImageGradientAttributes,
): Value {
  return apply('conv2dImageGradient', [upstream, kernel], attributes);
}

/** With respect to the kernel of a {@link conv2d}. */
export function conv2dKernelGradient(x: Value, upstream: Value, attributes: KernelGradientAttributes): Value {
  return apply('conv2dKernelGradient', [x, upstream], attributes);
}

/** With respect to the image of a {@link depthwiseConv2d}. */
export function depthwiseConv2dImageGradient(
  upstream: Value,
  kernel: Value,
  attributes: ImageGradientAttributes,
): Value {
  return apply('depthwiseConv2dImageGradient', [upstream, kernel], attributes);
}

/** With respect to the kernel of a {@link depthwiseConv2d}. */
export function depthwiseConv2dKernelGradient(
  x: Value,
  upstream: Value,
  attributes: KernelGradientAttributes,
): Value {
  return apply('depthwiseConv2dKernelGradient', [x, upstream], attributes);
}

/** Of a {@link maxPool} of `x` that gave `pooled`; of equal numbers in a window the first one takes all. */
export function maxPoolGradient(
  x: Value,
  pooled: Value,
  upstream: Value,
  attributes: PoolingAttributes,
): Value {
  return apply('maxPoolGradient', [x, pooled, upstream], attributes);
}

export function avgPoolGradient(upstream: Value, attributes: AvgPoolGradientAttributes): Value {
  return apply('avgPoolGradient', [upstream], attributes);
}

export function reshape(x: Value, shape: Shape): Value {
  return apply('reshape', [x], { shape });
}

export function broadcastTo(x: Value, shape: Shape): Value {
  return apply('broadcastTo', [x], { shape });
}

export function transpose(x: Value, permutation: readonly number[]): Value {
  return apply('transpose', [x], { permutation });
}

export function concat(values: readonly Value[], { axis }: { axis: number }): Value {
  return values.length === 1 ? values[0] : apply('concat', values, { axis });
}

export function slice(x: Value, range: { axis: number; start: number; end: number }): Value {
  return apply('slice', [x], range);
}

/** Collects everything that `outputs` need, inputs before users. Iterative: backbones are deeper than a call stack likes. */
export function graph(outputs: Readonly<Record<string, Value>>): Graph {
  const values: Value[] = [];
  const state = new Map<Value, 'open' | 'done'>();
  const pending: Value[] = Object.values(outputs).reverse();
  while (pending.length > 0) {
    const value = pending[pending.length - 1];
    if (!state.has(value)) {
      state.set(value, 'open');
      pending.push(...value.inputs.filter((source) => !state.has(source)));
    } else {
      pending.pop();
      if (state.get(value) === 'done') continue;
      state.set(value, 'done');
      values.push(value);
    }
  }
  const inputs = new Map<string, Value>();
  for (const value of values) {
    if (value.op !== 'input' || value.name === undefined) continue;
    if (inputs.has(value.name)) throw new Error(`Two inputs of one graph are called ${value.name}`);
    inputs.set(value.name, value);
  }
  return { inputs, outputs: new Map(Object.entries(outputs)), values };
}
