/**
 * Depthwise convolutions whose kernels change from run to run, and gradients of depthwise convolutions, on images in blocks of
 * channels (blocks.ts): all three are convolutions there.
 */
import { BATCH, type ConvolutionAttributes, type SpatialPadding, type Value } from '../../graph/value.ts';
import type { Emitter } from './emitter.ts';
import { onnxPads } from './pools.ts';

type Pair = readonly number[];

/** Whether {@link emitBlockedDepthwise} and the others can compute a convolution of `image`. */
export function fitsBlocks({ shape }: Value, { block }: Emitter): boolean {
  return block !== undefined && shape[3] % block === 0;
}

/** The name of the result, in blocks. */
export function emitBlockedDepthwise(value: Value<'depthwiseConv2d'>, emitter: Emitter): string {
  const { inputs, attributes, shape } = value;
  const [image, kernel, bias] = inputs;
  const { channels, blocked } = layouts(shape, emitter);
  const operands = [channels(emitter.use(image, 'blocks'), image.shape), filters(kernel, emitter)];
  if (bias) operands.push(emitter.use(bias));
  return blocked(convolution(operands, attributes, kernel.shape, shape[3], emitter));
}

/** The name of the gradient, in blocks: the kernel turned by 180 degrees moves over the upstream gradient, spread by the strides. */
export function emitBlockedImageGradient(
  { inputs, attributes, shape }: Value<'depthwiseConv2dImageGradient'>,
  emitter: Emitter,
): string {
  const [upstream, kernel] = inputs;
  const { padding, strides, dilations, size } = attributes;
  const { channels, blocked } = layouts(shape, emitter);
  const spread = [0, 1].map((axis) => upstream.shape[axis + 1] * strides[axis]);
  const [rows, columns] = [0, 1].map((axis) => {
    const reach = (kernel.shape[axis] - 1) * dilations[axis];
    const before = reach - padding[2 * axis];
    return [before, size[axis] + reach - spread[axis] - before] as const;
  });
  const around: SpatialPadding = [...rows, ...columns];
  // What lies outside the image is cut off first; zeros are the convolution's own.
  const cut = around.map((zeros) => Math.min(zeros, 0));
  const whole = cutOff(spreadBy(strides, upstream, emitter), cut, emitter);
  const [top, bottom, left, right] = cut;
  const image = channels(whole, [BATCH, spread[0] + top + bottom, spread[1] + left + right, shape[3]]);
  const zeros = around.map((number) => Math.max(number, 0)) as unknown as SpatialPadding;
  const moved = { padding: zeros, strides: [1, 1], dilations } as const;
  const turned = filters(kernel, emitter, { isTurned: true });
  return blocked(convolution([image, turned], moved, kernel.shape, shape[3], emitter));
}

/**
 * The name of the gradient, HWC1: the upstream gradient of each image and channel is a kernel of its own, so that strides and
 * dilations change places. The batch size is known.
 */
export function emitBlockedKernelGradient(
  { inputs, attributes, shape }: Value<'depthwiseConv2dKernelGradient'>,
  emitter: Emitter,
): string {
  const { node, integers, use } = emitter;
  const [image, upstream] = inputs;
  const [batch, height, width, depth] = image.shape;
  const [, rows, columns] = upstream.shape;
  const all = batch * depth;
  const { strides, dilations, window } = attributes;
  const operands = [
    node('Reshape', [use(image, 'blocks'), integers([1, all, height, width])]),
    node('Reshape', [use(upstream, 'blocks'), integers([all, 1, rows, columns])]),
  ];
  const swapped = { ...attributes, strides: dilations, dilations: strides };
  const sums = convolution(operands, swapped, [rows, columns], all, emitter);
  const places = [0, 1].map((axis) => {
    const seen = image.shape[axis + 1] + attributes.padding[2 * axis] + attributes.padding[2 * axis + 1];
    return Math.floor((seen - (upstream.shape[axis + 1] - 1) * strides[axis] - 1) / dilations[axis]) + 1;
  });
  const { block } = emitter;
  const perImage = node('Reshape', [sums, integers([batch, depth / block!, ...places, block!])]);
  const total = node('ReduceSum', [perImage, integers([0])], { keepdims: 0 });
  // Pixels that no window reaches add places behind those of the kernel.
  const taps = node('Slice', [total, integers([0, 0]), integers(window), integers([1, 2])]);
  const turned = node('Transpose', [taps], { perm: [1, 2, 0, 3] });
  return node('Reshape', [turned, integers(shape)]);
}

function convolution(
  operands: readonly string[],
  { padding, strides, dilations }: ConvolutionAttributes,
  window: Pair,
  group: number,
  emitter: Emitter,
): string {
  const attributes = { kernel_shape: window.slice(0, 2), strides, dilations, pads: onnxPads(padding), group };
  return emitter.blockNode('Conv', operands, attributes);
}

/** The two shapes under which an image in blocks goes: as convolutions count it, and as it lies in memory. */
function layouts([, rows, columns, depth]: Pair, { node, integers, block }: Emitter) {
  return {
    channels: (image: string, [, height, width]: Pair): string =>
      node('Reshape', [image, integers([-1, depth, height, width])]),
    blocked: (image: string): string =>
      node('Reshape', [image, integers([-1, depth / block!, rows, columns, block!])]),
  };
}

/** A kernel HWC1 as [channels / block, rows, columns, block], which goes by [channels, 1, rows, columns]. */
function filters(kernel: Value, emitter: Emitter, { isTurned = false } = {}): string {
  const { node, integers, use, derived, block } = emitter;
  const [rows, columns, depth] = kernel.shape;
  return derived(kernel, isTurned ? 'turned blocks' : 'blocks', () => {
    const taps = node('Reshape', [use(kernel), integers([rows * columns, depth / block!, block!])]);
    const end = -rows * columns - 1;
    const ordered = isTurned
      ? node('Slice', [taps, integers([-1]), integers([end]), integers([0]), integers([-1])])
      : taps;
    const blocked = node('Transpose', [ordered], { perm: [1, 0, 2] });
    return node('Reshape', [blocked, integers([depth, 1, rows, columns])]);
  });
}

/** An image in blocks with zeros behind each pixel. */
function spreadBy([down, across]: Pair, image: Value, { node, integers, use, block }: Emitter): string {
  const blocked = use(image, 'blocks');
  if (down === 1 && across === 1) return blocked;
  const [, rows, columns, depth] = image.shape;
  const blocks = depth / block!;
  const apart = node('Reshape', [blocked, integers([-1, blocks, rows, 1, columns, 1, block!])]);
  const ends = [0, 0, 0, down - 1, 0, across - 1, 0];
  const padded = node('Pad', [apart, integers([...ends.map(() => 0), ...ends])]);
  return node('Reshape', [padded, integers([-1, blocks, rows * down, columns * across, block!])]);
}

/** Without the rows and columns that negative numbers of zeros around it stand for. */
function cutOff(image: string, cut: Pair, { node, integers }: Emitter): string {
  if (cut.every((zeros) => zeros === 0)) return image;
  const [top, bottom, left, right] = cut;
  return node('Pad', [image, integers([0, 0, top, left, 0, 0, 0, bottom, right, 0])]);
}
