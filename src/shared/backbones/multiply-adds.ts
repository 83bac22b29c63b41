/** How much work a network is: multiplications of convolutions, for one image. */
import { elementCount, type Value } from '../graph/value.ts';

/** Of all convolutions among `values`. */
export function multiplyAdds(values: readonly Value[]): number {
  return values.reduce((sum, value) => sum + convolutionWork(value), 0);
}

/** Kernel elements that meet each element of the result; 0 for what is no convolution. */
export function convolutionWork({ op, inputs, shape }: Value): number {
  if (op !== 'conv2d' && op !== 'depthwiseConv2d') return 0;
  const [rows, columns, channels] = inputs[1].shape;
  return elementCount(shape) * rows * columns * (op === 'conv2d' ? channels : 1);
}
