/** Operations over the height and width of NHWC images. */
import { graphError, type Operation } from '../operation.ts';
import type { PoolingAttributes, Shape, SpatialPadding, Value } from '../value.ts';

type Spatial = 'conv2d' | 'depthwiseConv2d' | 'maxPool' | 'avgPool' | 'pad';

/** Height and width after sliding a window over the padded image. */
function slide(
  name: string,
  inputs: readonly Value[],
  window: readonly [number, number],
  { strides, padding: [top, bottom, left, right] }: Pick<PoolingAttributes, 'strides' | 'padding'>,
): [number, number] {
  const [, height, width] = inputs[0].shape;
  const rows = Math.floor((height + top + bottom - window[0]) / strides[0]) + 1;
  const columns = Math.floor((width + left + right - window[1]) / strides[1]) + 1;
  if (rows < 1 || columns < 1)
    throw graphError(name, `a ${window.join('x')} window needs a larger image`, inputs);
  return [rows, columns];
}

function imageShape(name: string, inputs: readonly Value[]): Shape {
  const { shape } = inputs[0];
  if (shape.length !== 4) throw graphError(name, 'expected an NHWC image', inputs);
  return shape;
}

/** The extent of a kernel whose taps are `dilation` apart. */
function extent(size: number, dilation: number): number {
  return (size - 1) * dilation + 1;
}

function padded(size: number, before: number, after: number): number {
  return size + before + after;
}

function pool<O extends 'maxPool' | 'avgPool'>(name: O): Operation<O> {
  return {
    shape(inputs, attributes) {
      const [batch, , , channels] = imageShape(name, inputs);
      return [batch, ...slide(name, inputs, attributes.window, attributes), channels];
    },
  };
}

export const spatial: { [O in Spatial]: Operation<O> } = {
  /** Inputs: image NHWC, kernel HWIO, bias [O]. */
  conv2d: {
    shape(inputs, attributes) {
      const [batch, , , channels] = imageShape('conv2d', inputs);
      const [rows, columns, inChannels, outChannels] = inputs[1].shape;
      if (channels !== inChannels) throw graphError('conv2d', 'expected the same channels', inputs);
      const window = [
        extent(rows, attributes.dilations[0]),
        extent(columns, attributes.dilations[1]),
      ] as const;
      return [batch, ...slide('conv2d', inputs, window, attributes), outChannels];
    },
  },
  /** Inputs: image NHWC, kernel HWC1 (one filter per channel), bias [C]. */
  depthwiseConv2d: {
    shape(inputs, attributes) {
      const [batch, , , channels] = imageShape('depthwiseConv2d', inputs);
      const [rows, columns, kernelChannels, multiplier] = inputs[1].shape;
      if (channels !== kernelChannels || multiplier !== 1) {
        throw graphError('depthwiseConv2d', 'expected one filter per channel', inputs);
      }
      const window = [
        extent(rows, attributes.dilations[0]),
        extent(columns, attributes.dilations[1]),
      ] as const;
      return [batch, ...slide('depthwiseConv2d', inputs, window, attributes), channels];
    },
  },
  maxPool: pool('maxPool'),
  avgPool: pool('avgPool'),
  /** Zeros around an NHWC image. */
  pad: {
    shape(inputs, { padding: [top, bottom, left, right] }: { padding: SpatialPadding }) {
      const [batch, height, width, channels] = imageShape('pad', inputs);
      return [batch, padded(height, top, bottom), padded(width, left, right), channels];
    },
  },
};
