/** Gradients of operations over the height and width of NHWC images, which engines compute in ways of their own. */
import { graphError, type Operation } from '../operation.ts';
import {
  type ImageGradientAttributes,
  type KernelGradientAttributes,
  type PoolingAttributes,
  type Shape,
  sameShape,
  type Value,
} from '../value.ts';
import { extent, slide, spatial } from './spatial.ts';

type SpatialGradient =
  | 'conv2dImageGradient'
  | 'conv2dKernelGradient'
  | 'depthwiseConv2dImageGradient'
  | 'depthwiseConv2dKernelGradient'
  | 'maxPoolGradient'
  | 'avgPoolGradient';

/** Refuses an upstream gradient that does not have the rows and columns that the operation gives. */
function checkUpstream(
  name: string,
  inputs: readonly Value[],
  upstream: Shape,
  size: readonly number[],
  window: readonly [number, number],
  attributes: Pick<PoolingAttributes, 'strides' | 'padding'>,
): void {
  const [rows, columns] = slide(name, inputs, size, window, attributes);
  if (upstream.length !== 4 || upstream[1] !== rows || upstream[2] !== columns) {
    throw graphError(name, `expected an upstream gradient of ${rows}x${columns}`, inputs);
  }
}

/** Inputs: upstream, kernel. */
function imageGradient(
  name: string,
  channelsOf: (kernel: Shape) => readonly [into: number, out: number],
): { shape(inputs: readonly Value[], attributes: ImageGradientAttributes): Shape } {
  return {
    shape(inputs, attributes) {
      const [upstream, kernel] = inputs.map(({ shape }) => shape);
      const [into, out] = channelsOf(kernel);
      const window = extent(kernel, attributes.dilations);
      checkUpstream(name, inputs, upstream, attributes.size, window, attributes);
      if (upstream[3] !== out) throw graphError(name, 'expected the same channels', inputs);
      return [upstream[0], ...attributes.size, into];
    },
  };
}

/** Inputs: image, upstream. */
function kernelGradient(
  name: string,
  kernelShape: (window: readonly [number, number], into: number, out: number) => Shape,
): { shape(inputs: readonly Value[], attributes: KernelGradientAttributes): Shape } {
  return {
    shape(inputs, attributes) {
      const [[, height, width, into], upstream] = inputs.map(({ shape }) => shape);
      const window = extent(attributes.window, attributes.dilations);
      checkUpstream(name, inputs, upstream, [height, width], window, attributes);
      return kernelShape(attributes.window, into, upstream[3]);
    },
  };
}

export const spatialGradients: { [O in SpatialGradient]: Operation<O> } = {
  conv2dImageGradient: imageGradient('conv2dImageGradient', (kernel) => [kernel[2], kernel[3]]),
  conv2dKernelGradient: kernelGradient('conv2dKernelGradient', (window, into, out) => [...window, into, out]),
  depthwiseConv2dImageGradient: imageGradient('depthwiseConv2dImageGradient', (kernel) => [
    kernel[2],
    kernel[2],
  ]),
  depthwiseConv2dKernelGradient: kernelGradient('depthwiseConv2dKernelGradient', (window, into) => [
    ...window,
    into,
    1,
  ]),
  /** Inputs: image, what its pool gave, upstream. */
  maxPoolGradient: {
    shape(inputs, attributes) {
      const [x, pooled, upstream] = inputs;
      const expected = spatial.maxPool.shape([x], attributes);
      if (!sameShape(pooled.shape, expected) || !sameShape(upstream.shape, expected)) {
        throw graphError('maxPoolGradient', 'expected a pool and its gradient', inputs);
      }
      return x.shape;
    },
  },
  avgPoolGradient: {
    shape(inputs, attributes) {
      const [{ shape }] = inputs;
      checkUpstream('avgPoolGradient', inputs, shape, attributes.size, attributes.window, attributes);
      return [shape[0], ...attributes.size, shape[3]];
    },
  },
};
