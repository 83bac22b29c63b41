/** The vocabulary of graphs: values with static shapes (batch size aside), each the result of one operation. */

/** Element types: features, weights and activations are float32; pixels arrive as uint8. */
export type DType = 'float32' | 'uint8';

/** The one dimension that may be left open until a graph runs; only ever the first of a shape. */
export const BATCH = -1;

/** Sizes of a value's axes. Images are NHWC; {@link BATCH} stands for an open batch size. */
export type Shape = readonly number[];

/** Zeros added around the two spatial axes of an NHWC image: top, bottom, left, right. */
export type SpatialPadding = readonly [number, number, number, number];

export interface ConvolutionAttributes {
  readonly strides: readonly [number, number];
  readonly padding: SpatialPadding;
  readonly dilations: readonly [number, number];
}

export interface PoolingAttributes {
  readonly window: readonly [number, number];
  readonly strides: readonly [number, number];
  /** Never counted in an average, never the largest in a maximum. */
  readonly padding: SpatialPadding;
}

/** Either may be infinite. */
export interface Bounds {
  readonly min: number;
  readonly max: number;
}

/** Of a gradient with respect to an image: its height and width, which the upstream gradient does not tell. */
interface ImageSize {
  readonly size: readonly [number, number];
}

/** Of a gradient with respect to a kernel: its rows and columns. */
interface KernelSize {
  readonly window: readonly [number, number];
}

export type ImageGradientAttributes = ConvolutionAttributes & ImageSize;
export type KernelGradientAttributes = ConvolutionAttributes & KernelSize;
export type AvgPoolGradientAttributes = PoolingAttributes & ImageSize;

export interface ReductionAttributes {
  /** Non-negative, ascending. */
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

type None = Readonly<Record<string, never>>;

/** Every operation with its attributes. A new operation is one line here and one row in each table. */
export interface OperationAttributes {
  input: None;
  constant: { readonly data: Float32Array };
  add: None;
  sub: None;
  mul: None;
  div: None;
  neg: None;
  exp: None;
  log: None;
  sqrt: None;
  erf: None;
  sign: None;
  relu: None;
  sigmoid: None;
  tanh: None;
  softplus: None;
  clip: Bounds;
  isBetween: Bounds;
  cast: { readonly to: DType };
  softmax: None;
  logSoftmax: None;
  layerNorm: { readonly epsilon: number };
  matmul: { readonly transposeA: boolean; readonly transposeB: boolean };
  conv2d: ConvolutionAttributes;
  depthwiseConv2d: ConvolutionAttributes;
  maxPool: PoolingAttributes;
  avgPool: PoolingAttributes;
  pad: { readonly padding: SpatialPadding };
  conv2dImageGradient: ImageGradientAttributes;
  conv2dKernelGradient: KernelGradientAttributes;
  depthwiseConv2dImageGradient: ImageGradientAttributes;
  depthwiseConv2dKernelGradient: KernelGradientAttributes;
  maxPoolGradient: PoolingAttributes;
  avgPoolGradient: AvgPoolGradientAttributes;
  reduceSum: ReductionAttributes;
  reduceMean: ReductionAttributes;
  reduceMax: ReductionAttributes;
  reshape: { readonly shape: Shape };
  broadcastTo: { readonly shape: Shape };
  transpose: { readonly permutation: readonly number[] };
  concat: { readonly axis: number };
  slice: { readonly axis: number; readonly start: number; readonly end: number };
}

export type OperationName = keyof OperationAttributes;

/** A value of a graph: the operation that makes it and the values it is made from. */
export interface Value<O extends OperationName = OperationName> {
  readonly op: O;
  readonly inputs: readonly Value[];
  readonly attributes: OperationAttributes[O];
  readonly shape: Shape;
  readonly dtype: DType;
  /** For inputs the key they are fed by; elsewhere only a help in messages. */
  readonly name: string | undefined;
}

/** What an engine compiles: the values to compute, and every value needed for them, inputs before users. */
export interface Graph {
  readonly inputs: ReadonlyMap<string, Value>;
  readonly outputs: ReadonlyMap<string, Value>;
  readonly values: readonly Value[];
}

/** `[batch, 224, 224, 3]`, for messages. */
export function shapeText(shape: Shape): string {
  return `[${shape.map((size) => (size === BATCH ? 'batch' : size)).join(', ')}]`;
}

/** The product of a shape's sizes; an open batch counts as `batch`. */
export function elementCount(shape: Shape, batch = 1): number {
  return shape.reduce((product, size) => product * (size === BATCH ? batch : size), 1);
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}
