/**
 * Depthwise convolutions whose kernels change from run to run, and gradients of depthwise convolutions, where channels do not
 * come in whole blocks (depthwise-blocks.ts). onnxruntime's kernel is fast for constant weights only, so on small maps each channel's taps are written out as a matrix from all pixels
 * to all places, and one batched product serves all channels (bench/gradients.ts).
 */
import type { ConvolutionAttributes, Shape, Value } from '../../graph/value.ts';
import type { Emitter } from './emitter.ts';
import { onnxPads } from './pools.ts';
import type { OnnxAttributes } from './proto.ts';

/** Pixels times places up to which matrices are used: 8x8 to 8x8, 14x14 to 7x7. */
const MAX_MATRIX = 10_000;

/** Rows and columns of kernel, image and result, and how the one moves over the other. */
interface Geometry extends ConvolutionAttributes {
  readonly window: readonly number[];
  readonly size: readonly number[];
  readonly places: readonly number[];
}

const spatial = (shape: Shape): Shape => shape.slice(1, 3);
const area = ([rows, columns]: readonly number[]): number => rows * columns;
const isSmall = ({ size, places }: Geometry): boolean => area(size) * area(places) <= MAX_MATRIX;

/** The name of the result, NHWC. */
export function emitDepthwise(value: Value<'depthwiseConv2d'>, emitter: Emitter): string {
  const { inputs, attributes, shape } = value;
  const [image, kernel, bias] = inputs;
  const window = kernel.shape.slice(0, 2);
  const geometry: Geometry = { ...attributes, window, size: spatial(image.shape), places: spatial(shape) };
  const result = isSmall(geometry)
    ? product(channels(image, emitter), matrices(kernel, geometry, emitter), shape, emitter)
    : nhwc(
        emitter.node(
          'Conv',
          [emitter.use(image, 'nchw'), filters(kernel, emitter)],
          windowOf(geometry, shape[3]),
        ),
        emitter,
      );
  return bias ? emitter.node('Add', [result, emitter.use(bias)]) : result;
}

/** The name of the gradient, NHWC. */
export function emitDepthwiseImageGradient(
  { inputs, attributes, shape }: Value<'depthwiseConv2dImageGradient'>,
  emitter: Emitter,
): string {
  const [upstream, kernel] = inputs;
  const window = kernel.shape.slice(0, 2);
  const geometry: Geometry = { ...attributes, window, places: spatial(upstream.shape) };
  if (isSmall(geometry)) {
    const turned = emitter.node('Transpose', [matrices(kernel, geometry, emitter)], { perm: [0, 2, 1] });
    return product(channels(upstream, emitter), turned, shape, emitter);
  }
  const options = { ...windowOf(geometry, shape[3]), output_padding: unseen(geometry) };
  const operands = [emitter.use(upstream, 'nchw'), filters(kernel, emitter)];
  return nhwc(emitter.node('ConvTranspose', operands, options), emitter);
}

/** The name of the gradient, HWC1. */
export function emitDepthwiseKernelGradient(
  { inputs, attributes, shape }: Value<'depthwiseConv2dKernelGradient'>,
  emitter: Emitter,
): string {
  const { node, integers } = emitter;
  const [image, upstream] = inputs;
  const geometry: Geometry = { ...attributes, size: spatial(image.shape), places: spatial(upstream.shape) };
  if (!isSmall(geometry)) return swappedConvolution(image, upstream, geometry, emitter);
  const turned = node('Transpose', [channels(image, emitter)], { perm: [0, 2, 1] });
  const all = node('MatMul', [turned, channels(upstream, emitter)]);
  const flat = node('Reshape', [all, integers([shape[2], -1])]);
  const sums = node('Gemm', [selection(geometry, emitter), flat], { transA: 0, transB: 1 });
  return node('Reshape', [sums, integers(shape)]);
}

/** [channels, batch, pixels] of an image. */
function channels(image: Value, { node, integers, use, derived, isNchw }: Emitter): string {
  return derived(image, 'channels', () => {
    const turned = isNchw(image)
      ? node('Transpose', [use(image, 'nchw')], { perm: [1, 0, 2, 3] })
      : node('Transpose', [use(image)], { perm: [3, 0, 1, 2] });
    return node('Reshape', [turned, integers([image.shape[3], -1, area(spatial(image.shape))])]);
  });
}

/** [channels, pixels, places]: what each pixel counts for each place. */
function matrices(kernel: Value, geometry: Geometry, emitter: Emitter): string {
  const { node, integers, use, derived } = emitter;
  const depth = kernel.shape[2];
  const { strides, padding, dilations, size } = geometry;
  return derived(kernel, `matrices ${JSON.stringify([strides, padding, dilations, size])}`, () => {
    const taps = node('Reshape', [use(kernel), integers([area(geometry.window), depth])]);
    const flat = node('Gemm', [taps, selection(geometry, emitter)], { transA: 1, transB: 0 });
    return node('Reshape', [flat, integers([depth, area(geometry.size), area(geometry.places)])]);
  });
}

/** [taps, pixels * places]: 1 where the tap of a place looks at the pixel. */
function selection(
  { window, size, places, strides, padding, dilations }: Geometry,
  emitter: Emitter,
): string {
  const [pixelCount, placeCount] = [area(size), area(places)];
  const chosen = new Float32Array(area(window) * pixelCount * placeCount);
  for (let tap = 0; tap < area(window); tap++) {
    for (let place = 0; place < placeCount; place++) {
      const row = rowOf(place, places) * strides[0] + rowOf(tap, window) * dilations[0] - padding[0];
      const column = (place % places[1]) * strides[1] + (tap % window[1]) * dilations[1] - padding[2];
      if (row < 0 || row >= size[0] || column < 0 || column >= size[1]) continue;
      chosen[(tap * pixelCount + row * size[1] + column) * placeCount + place] = 1;
    }
  }
  return emitter.floats(chosen, [area(window), pixelCount * placeCount]);
}

const rowOf = (index: number, [, columns]: readonly number[]): number => Math.floor(index / columns);

/** A batched product over the channels, as an NHWC image. */
function product(image: string, matrix: string, shape: Shape, { node, integers }: Emitter): string {
  const result = node('Reshape', [
    node('MatMul', [image, matrix]),
    integers([shape[3], -1, ...spatial(shape)]),
  ]);
  return node('Transpose', [result], { perm: [1, 2, 3, 0] });
}

/** With the upstream gradient as the kernel: strides and dilations change places. */
function swappedConvolution(image: Value, upstream: Value, geometry: Geometry, emitter: Emitter): string {
  const { node, integers } = emitter;
  const depth = image.shape[3];
  const stacked = node('Reshape', [channels(image, emitter), integers([1, -1, ...geometry.size])]);
  const kernel = node('Reshape', [channels(upstream, emitter), integers([depth, -1, ...geometry.places])]);
  const { strides, dilations } = geometry;
  const options = { ...windowOf(geometry, depth), strides: dilations, dilations: strides };
  const gradient = node('Conv', [stacked, kernel], options);
  // Pixels that no window reaches add places behind those of the kernel.
  const taps = node('Slice', [gradient, integers([0, 0]), integers(geometry.window), integers([2, 3])]);
  return node('Transpose', [taps], { perm: [2, 3, 1, 0] });
}

/** A kernel HWC1 as ONNX has it: [channels, 1, rows, columns]. */
function filters(kernel: Value, { node, use, derived }: Emitter): string {
  return derived(kernel, 'filters', () => node('Transpose', [use(kernel)], { perm: [2, 3, 0, 1] }));
}

function windowOf({ strides, padding, dilations }: Geometry, group: number): OnnxAttributes {
  return { strides, dilations, pads: onnxPads(padding), group };
}

/** Rows and columns at the end of the padded image that no window reaches. */
function unseen({ window, size, places, strides, padding, dilations }: Geometry): number[] {
  return [0, 1].map((axis) => {
    const reached = (places[axis] - 1) * strides[axis] + (window[axis] - 1) * dilations[axis] + 1;
    return size[axis] + padding[2 * axis] + padding[2 * axis + 1] - reached;
  });
}

function nhwc(image: string, { node }: Emitter): string {
  return node('Transpose', [image], { perm: [0, 2, 3, 1] });
}
