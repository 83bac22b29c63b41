/**
 * Convolutions whose kernels change from run to run, and gradients of convolutions: one matrix product for each tap of the
 * kernel, on NHWC images as they are. bench/gradients.ts compares the speed with that of onnxruntime's Conv and others.
 */
import {
  BATCH,
  type ConvolutionAttributes,
  elementCount,
  type Shape,
  type SpatialPadding,
  type Value,
} from '../../graph/value.ts';
import type { Emitter } from './emitter.ts';

/** A tap: its number in the kernel, and how far from the window's first place it looks. */
interface Tap {
  readonly index: number;
  readonly down: number;
  readonly across: number;
}

/** How the places that a tap looks at lie in an image. */
interface Sight {
  readonly padding: SpatialPadding;
  readonly strides: readonly [number, number];
  /** Rows and columns of windows. */
  readonly places: readonly number[];
}

type Pair = readonly [number, number];

function sightOf({ padding, strides }: ConvolutionAttributes, result: Shape): Sight {
  return { padding, strides, places: result.slice(1, 3) };
}

function tapsOf([rows, columns]: readonly number[], [down, across]: Pair): Tap[] {
  return Array.from({ length: rows * columns }, (_, index) => ({
    index,
    down: Math.floor(index / columns) * down,
    across: (index % columns) * across,
  }));
}

/** [batch * places, channels]: what a tap looks at. Forward and backward pass share it. */
function seen(image: Value, { down, across }: Tap, sight: Sight, emitter: Emitter): string {
  const { node, integers, derived } = emitter;
  const { padding, strides, places } = sight;
  const padded = (): string => {
    const [top, bottom, left, right] = padding;
    if (padding.every((size) => size === 0)) return emitter.use(image);
    return node('Pad', [emitter.use(image), integers([0, top, left, 0, 0, bottom, right, 0])]);
  };
  return derived(image, `seen ${JSON.stringify([down, across, sight])}`, () => {
    const whole = derived(image, `padded ${padding}`, padded);
    const [height, width] = [
      image.shape[1] + padding[0] + padding[1],
      image.shape[2] + padding[2] + padding[3],
    ];
    const isAll = places[0] === height && places[1] === width;
    const end = [down + (places[0] - 1) * strides[0] + 1, across + (places[1] - 1) * strides[1] + 1];
    const part = isAll
      ? whole
      : node('Slice', [whole, integers([down, across]), integers(end), integers([1, 2]), integers(strides)]);
    return node('Reshape', [part, integers([-1, image.shape[3]])]);
  });
}

/** [channels in, channels out]: a tap of a kernel HWIO. */
function weightsOf(kernel: Value, { index }: Tap, { node, integers, use, derived }: Emitter): string {
  const [rows, columns, ins, outs] = kernel.shape;
  return derived(kernel, `tap ${index}`, () => {
    const matrix = derived(kernel, 'matrix', () =>
      node('Reshape', [use(kernel), integers([rows * columns * ins, outs])]),
    );
    if (rows * columns === 1) return matrix;
    return node('Slice', [matrix, integers([index * ins]), integers([(index + 1) * ins]), integers([0])]);
  });
}

/** Of all images of a batch; endless where its size is open. */
function pixelCount(shape: Shape): number {
  return shape[0] === BATCH ? Infinity : elementCount(shape.slice(0, 3));
}

/** [batch * rows * columns, channels] of an image. */
function pixelsOf(image: Value, { node, integers, use, derived }: Emitter): string {
  return derived(image, 'pixels', () => node('Reshape', [use(image), integers([-1, image.shape[3]])]));
}

/** Sums of no more numbers are not cut. */
const ONE_BLOCK = 128;
/** With more columns in all, each thread has so many that sums are cut the same way. */
const MANY_COLUMNS = 1024;

interface ProductOptions {
  /** Rows and columns of the result, and how many numbers each of it sums up. */
  size: { rows: number; columns: number; inner: number };
  transA?: number;
  transB?: number;
  /** Added: one number a column. */
  bias?: string;
  /** Added: a matrix. */
  sum?: string;
}

/**
 * A product of two matrices. onnxruntime's threads share out its larger side, and a thread's sums are cut by how many columns it
 * has: where these could be few, they become the rows, so that any number of threads gives the same numbers.
 */
function product(
  { node, integers }: Emitter,
  [a, b]: readonly [string, string],
  { size, transA = 0, transB = 0, bias, sum }: ProductOptions,
): string {
  const { rows, columns, inner } = size;
  const isCut = inner > ONE_BLOCK && rows < columns && columns <= MANY_COLUMNS;
  const added = sum ?? bias;
  if (!isCut || sum !== undefined)
    return node('Gemm', added === undefined ? [a, b] : [a, b, added], { transA, transB });
  const operands = bias === undefined ? [b, a] : [b, a, node('Reshape', [bias, integers([-1, 1])])];
  const turned = node('Gemm', operands, { transA: 1 - transB, transB: 1 - transA });
  // A third axis, since onnxruntime would undo a transposition right behind a product.
  const back = node('Transpose', [node('Reshape', [turned, integers([columns, -1, 1])])], {
    perm: [1, 0, 2],
  });
  return node('Reshape', [back, integers([-1, columns])]);
}

/** The name of the result, NHWC. */
export function emitConvolution(value: Value<'conv2d'>, emitter: Emitter): string {
  const { inputs, attributes, shape } = value;
  const [image, kernel, bias] = inputs;
  const sight = sightOf(attributes, shape);
  const size = { rows: pixelCount(shape), columns: shape[3], inner: image.shape[3] };
  const sum = tapsOf(kernel.shape, attributes.dilations).reduce<string | undefined>((sofar, tap) => {
    const added = sofar === undefined ? { bias: bias && emitter.use(bias) } : { sum: sofar };
    const factors = [seen(image, tap, sight, emitter), weightsOf(kernel, tap, emitter)] as const;
    return product(emitter, factors, { size, ...added });
  }, undefined);
  return emitter.node('Reshape', [sum!, emitter.integers([-1, ...shape.slice(1)])]);
}

/** The name of the gradient, NHWC. */
export function emitImageGradient(value: Value<'conv2dImageGradient'>, emitter: Emitter): string {
  const isDense = value.attributes.strides.every((stride) => stride === 1);
  return isDense ? turnedConvolution(value, emitter) : putBack(value, emitter);
}

/** With strides of 1, a convolution of the upstream gradient by the kernel turned by 180 degrees. */
function turnedConvolution(value: Value<'conv2dImageGradient'>, emitter: Emitter): string {
  const { inputs, attributes, shape } = value;
  const [upstream, kernel] = inputs;
  const taps = tapsOf(kernel.shape, attributes.dilations);
  const size = { rows: pixelCount(shape), columns: shape[3], inner: upstream.shape[3] };
  const sight = {
    padding: turnedPadding(value),
    strides: attributes.strides,
    places: shape.slice(1, 3),
  };
  const sum = taps.reduce<string | undefined>((sofar, tap) => {
    const opposite = taps[taps.length - 1 - tap.index];
    const factors = [seen(upstream, tap, sight, emitter), weightsOf(kernel, opposite, emitter)] as const;
    return product(emitter, factors, { size, transB: 1, sum: sofar });
  }, undefined);
  return emitter.node('Reshape', [sum!, emitter.integers([-1, ...shape.slice(1)])]);
}

/** The zeros around an upstream gradient that a turned kernel is moved over; less than none where some is cut off. */
function turnedPadding({ inputs, attributes }: Value<'conv2dImageGradient'>): SpatialPadding {
  const [upstream, kernel] = inputs;
  const { padding, dilations, size } = attributes;
  const [rows, columns] = [0, 1].map((axis) => {
    const reach = (kernel.shape[axis] - 1) * dilations[axis];
    const before = reach - padding[2 * axis];
    return [before, size[axis] + reach - upstream.shape[axis + 1] - before] as const;
  });
  return [...rows, ...columns];
}

/** What each tap took from the image is given back to where it was taken. */
function putBack({ inputs, attributes, shape }: Value<'conv2dImageGradient'>, emitter: Emitter): string {
  const { node, integers } = emitter;
  const [upstream, kernel] = inputs;
  const [, height, width, channels] = shape;
  const [, rows, columns] = upstream.shape;
  const { strides, padding, dilations } = attributes;
  const size = { rows: pixelCount(upstream.shape), columns: channels, inner: upstream.shape[3] };
  const parts = tapsOf(kernel.shape, dilations).map((tap) => {
    const factors = [pixelsOf(upstream, emitter), weightsOf(kernel, tap, emitter)] as const;
    const apart = node('Pad', [
      node('Reshape', [
        product(emitter, factors, { size, transB: 1 }),
        integers([-1, rows, 1, columns, 1, channels]),
      ]),
      integers([0, 0, 0, 0, 0, 0, 0, 0, strides[0] - 1, 0, strides[1] - 1, 0]),
    ]);
    const spread = node('Reshape', [
      apart,
      integers([-1, rows * strides[0], columns * strides[1], channels]),
    ]);
    const [top, left] = [tap.down - padding[0], tap.across - padding[2]];
    const [bottom, right] = [height - top - rows * strides[0], width - left - columns * strides[1]];
    return node('Pad', [spread, integers([0, top, left, 0, 0, bottom, right, 0])]);
  });
  return parts.length === 1 ? parts[0] : node('Sum', parts);
}

/** The name of the gradient, HWIO. */
export function emitKernelGradient(value: Value<'conv2dKernelGradient'>, emitter: Emitter): string {
  const { inputs, attributes, shape } = value;
  const [image, upstream] = inputs;
  const sight = sightOf(attributes, upstream.shape);
  const size = { rows: shape[2], columns: shape[3], inner: pixelCount(upstream.shape) };
  const parts = tapsOf(shape, attributes.dilations).map((tap) =>
    product(emitter, [seen(image, tap, sight, emitter), pixelsOf(upstream, emitter)], { size, transA: 1 }),
  );
  const whole = parts.length === 1 ? parts[0] : emitter.node('Concat', parts, { axis: 0 });
  return emitter.node('Reshape', [whole, emitter.integers(shape)]);
}
