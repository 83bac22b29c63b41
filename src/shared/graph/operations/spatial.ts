/** Operations over the height and width of NHWC images. */
import { graphError, type Operation } from '../operation.ts';
import type { PoolingAttributes, Shape, SpatialPadding, Value } from '../value.ts';

type Spatial = 'conv2d' | 'depthwiseConv2d' | 'maxPool' | 'avgPool' | 'pad';

/** Height and width after sliding a window over a padded image of height and width `size`. */
export function slide(
  name: string,
  inputs: readonly Value[],
  [height, width]: readonly number[],
  window: readonly [number, number],
  { strides, padding: [top, bottom, left, right] }: Pick<PoolingAttributes, 'strides' | 'padding'>,
): [number, number] {
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

/** Rows and columns that a kernel reaches over. */
export function extent(
  [rows, columns]: readonly number[],
  [down, across]: readonly number[],
): [number, number] {
  return [(rows - 1) * down + 1, (columns - 1) * across + 1];
}

function padded(size: number, before: number, after: number): number {
  return size + before + after;
}

function pool<O extends 'maxPool' | 'avgPool'>(name: O): Operation<O> {
  return {
    shape(inputs, attributes) {
      const [batch, height, width, channels] = imageShape(name, inputs);
      return [batch, ...slide(name, inputs, [height, width], attributes.window, attributes), channels];
    },
  };
}

export const spatial: { [O in Spatial]: Operation<O> } = {
  /** Inputs: image NHWC, kernel HWIO, bias [O]. */
  conv2d: {
    shape(inputs, attributes) {
      const [batch, height, width, channels] = imageShape('conv2d', inputs);
      const [rows, columns, inChannels, outChannels] = inputs[1].shape;
      if (channels !== inChannels) throw graphError('conv2d', 'expected the same channels', inputs);
      const window = extent([rows, columns], attributes.dilations);
      return [batch, ...slide('conv2d', inputs, [height, width], window, attributes), outChannels];
    },
  },
  /** Inputs: image NHWC, kernel HWC1 (one filter per channel), bias [C]. */
  depthwiseConv2d: {
    shape(inputs, attributes) {
      const [batch, height, width, channels] = imageShape('depthwiseConv2d', inputs);
      const [rows, columns, kernelChannels, multiplier] = inputs[1].shape;
      if (channels !== kernelChannels || multiplier !== 1) {
        throw graphError('depthwiseConv2d', 'expected one filter per channel', inputs);
      }
      const window = extent([rows, columns], attributes.dilations);
      return [batch, ...slide('depthwiseConv2d', inputs, [height, width], window, attributes), channels];
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
