/** Gradient rules of operations over the height and width of NHWC images. */
import {
  avgPoolGradient,
  conv2dImageGradient,
  conv2dKernelGradient,
  depthwiseConv2dImageGradient,
  depthwiseConv2dKernelGradient,
  maxPoolGradient,
  reduceSum,
  slice,
} from '../build.ts';
import type { ImageGradientAttributes, KernelGradientAttributes, Shape, Value } from '../value.ts';
import type { GradientRule } from './rule.ts';

type Spatial = 'conv2d' | 'depthwiseConv2d' | 'maxPool' | 'avgPool' | 'pad';

function convolution<O extends 'conv2d' | 'depthwiseConv2d'>(
  forImage: (upstream: Value, kernel: Value, attributes: ImageGradientAttributes) => Value,
  forKernel: (x: Value, upstream: Value, attributes: KernelGradientAttributes) => Value,
): GradientRule<O> {
  return ({ inputs: [x, kernel, ...biases], attributes }, upstream) => [
    forImage(upstream, kernel, { ...attributes, size: heightAndWidth(x.shape) }),
    forKernel(x, upstream, { ...attributes, window: [kernel.shape[0], kernel.shape[1]] }),
    ...biases.map(() => reduceSum(upstream, { axes: [0, 1, 2], keepDims: false })),
  ];
}

function heightAndWidth([, height, width]: Shape): [number, number] {
  return [height, width];
}

export const spatial: { [O in Spatial]: GradientRule<O> } = {
  conv2d: convolution(conv2dImageGradient, conv2dKernelGradient),
  depthwiseConv2d: convolution(depthwiseConv2dImageGradient, depthwiseConv2dKernelGradient),
  maxPool: (value, upstream) => [maxPoolGradient(value.inputs[0], value, upstream, value.attributes)],
  avgPool: ({ inputs: [x], attributes }, upstream) => [
    avgPoolGradient(upstream, { ...attributes, size: heightAndWidth(x.shape) }),
  ],
  pad({ inputs: [x], attributes: { padding } }, upstream) {
    const [height, width] = heightAndWidth(x.shape);
    const [top, , left] = padding;
    const rows = slice(upstream, { axis: 1, start: top, end: top + height });
    return [slice(rows, { axis: 2, start: left, end: left + width })];
  },
};
