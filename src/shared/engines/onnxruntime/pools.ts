/** Pools and their gradients as ONNX nodes, on NCHW images. */
import type { PoolingAttributes, SpatialPadding, Value } from '../../graph/value.ts';
import type { Emitter } from './emitter.ts';
import type { OnnxAttributes } from './proto.ts';

/** ONNX orders padding as all beginnings, then all ends. */
export const onnxPads = ([top, bottom, left, right]: SpatialPadding): number[] => [top, left, bottom, right];

function windowOf({ window, strides, padding }: PoolingAttributes): OnnxAttributes {
  return { kernel_shape: window, strides, pads: onnxPads(padding) };
}

/** The name of the result, NCHW. */
export function emitPool(
  type: 'MaxPool' | 'AveragePool',
  { inputs: [image], attributes }: Value<'maxPool' | 'avgPool'>,
  emitter: Emitter,
): string {
  // ONNX counts no padding unless it is told to.
  return emitter.node(type, [emitter.use(image, 'nchw')], windowOf(attributes));
}

/** The name of the gradient, NCHW: each number is added where its window's maximum lies. */
export function emitMaxPoolGradient(
  { inputs: [image, , upstream], attributes, shape }: Value<'maxPoolGradient'>,
  emitter: Emitter,
): string {
  const { node, nodeOf, integers } = emitter;
  const flat = (name: string): string => node('Reshape', [name, integers([-1])]);
  const nchw = emitter.use(image, 'nchw');
  const [, positions] = nodeOf(2, 'MaxPool', [nchw], windowOf(attributes));
  const zeros = node('ConstantOfShape', [node('Shape', [flat(nchw)])]);
  const operands = [zeros, flat(positions), flat(emitter.use(upstream, 'nchw'))];
  const scattered = node('ScatterElements', operands, { axis: 0, reduction: 'add' });
  const [, height, width, channels] = shape;
  return node('Reshape', [scattered, integers([-1, channels, height, width])]);
}

/**
 * The name of the gradient, NCHW: each number is shared out over its window, which is again a sum over windows, of the upstream
 * gradient spread out by the strides.
 */
export function emitAvgPoolGradient(
  { inputs: [upstream], attributes, shape }: Value<'avgPoolGradient'>,
  emitter: Emitter,
): string {
  const { node, integers } = emitter;
  const { window, strides, padding, size } = attributes;
  const [, rows, columns] = upstream.shape;
  const shares = node('Mul', [
    emitter.use(upstream, 'nchw'),
    emitter.floats(...sharesOf(attributes, [rows, columns])),
  ]);
  const apart = node('Pad', [
    node('Reshape', [shares, integers([-1, shape[3], rows, 1, columns, 1])]),
    integers([0, 0, 0, 0, 0, 0, 0, 0, 0, strides[0] - 1, 0, strides[1] - 1]),
  ]);
  const [height, width] = [rows * strides[0], columns * strides[1]];
  const spread = node('Reshape', [apart, integers([-1, shape[3], height, width])]);
  const [top, left] = [window[0] - 1 - padding[0], window[1] - 1 - padding[2]];
  const [bottom, right] = [size[0] + window[0] - 1 - height - top, size[1] + window[1] - 1 - width - left];
  const around = node('Pad', [spread, integers([0, 0, top, left, 0, 0, bottom, right])]);
  return node('AveragePool', [around], { kernel_shape: window });
}

/** [rows, columns]: for each place the window's area over its pixels that lie on the image, since an average follows. */
function sharesOf(
  { window, strides, padding, size }: Value<'avgPoolGradient'>['attributes'],
  [rows, columns]: readonly [number, number],
): [Float32Array, number[]] {
  const onImage = (place: number, axis: 0 | 1): number => {
    const start = place * strides[axis] - padding[2 * axis];
    return Math.min(start + window[axis], size[axis]) - Math.max(start, 0);
  };
  const shares = new Float32Array(rows * columns);
  for (let place = 0; place < shares.length; place++) {
    const counted = onImage(Math.floor(place / columns), 0) * onImage(place % columns, 1);
    shares[place] = (window[0] * window[1]) / counted;
  }
  return [shares, [rows, columns]];
}
