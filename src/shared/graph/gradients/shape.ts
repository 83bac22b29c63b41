/** Gradient rules of operations that fold, reorder or join axes. */
import {
  broadcastTo,
  concat,
  div,
  mul,
  reduceSum,
  reshape,
  scalar,
  sign,
  slice,
  sub,
  transpose,
} from '../build.ts';
import { reducedShape } from '../operations/shape.ts';
import type { Shape, Value } from '../value.ts';
import { type GradientRule, reducedCount, sumTo } from './rule.ts';

type Reduction = 'reduceSum' | 'reduceMean' | 'reduceMax';
type Shaping = 'reshape' | 'broadcastTo' | 'transpose' | 'concat' | 'slice';

/** The shape with reduced axes kept as 1, which broadcasts back over the reduction's input. */
function keptShape({ inputs, attributes: { axes } }: Value<Reduction>): Shape {
  return reducedShape(inputs, { axes, keepDims: true });
}

export const reductions: { [O in Reduction]: GradientRule<O> } = {
  reduceSum: (value, upstream) => [broadcastTo(reshape(upstream, keptShape(value)), value.inputs[0].shape)],
  reduceMean(value, upstream) {
    const [x] = value.inputs;
    const share = scalar(1 / reducedCount(x.shape, value.attributes.axes));
    return [broadcastTo(reshape(mul(upstream, share), keptShape(value)), x.shape)];
  },
  /** Equal maxima share the gradient, as in TensorFlow. */
  reduceMax(value, upstream) {
    const [x] = value.inputs;
    const kept = keptShape(value);
    const isMaximum = sub(scalar(1), sign(sub(reshape(value, kept), x)));
    const count = reduceSum(isMaximum, { axes: value.attributes.axes, keepDims: true });
    return [mul(isMaximum, div(reshape(upstream, kept), count))];
  },
};

export const shaping: { [O in Shaping]: GradientRule<O> } = {
  reshape: ({ inputs: [x] }, upstream) => [reshape(upstream, x.shape)],
  broadcastTo: ({ inputs: [x] }, upstream) => [sumTo(upstream, x.shape)],
  transpose({ attributes: { permutation } }, upstream) {
    const inverse = permutation.map((_, axis) => permutation.indexOf(axis));
    return [transpose(upstream, inverse)];
  },
  concat({ inputs, attributes: { axis } }, upstream) {
    let start = 0;
    return inputs.map(({ shape }) => {
      const end = start + shape[axis];
      const part = slice(upstream, { axis, start, end });
      start = end;
      return part;
    });
  },
  slice({ inputs: [x], attributes: { axis, start, end } }, upstream) {
    const before = zeros(x.shape.with(axis, start));
    const after = zeros(x.shape.with(axis, x.shape[axis] - end));
    return [concat([...before, upstream, ...after], { axis })];
  },
};

/** A value of zeros; none where the shape is empty. */
function zeros(shape: Shape): Value[] {
  if (shape.includes(0)) return [];
  const ones = shape.map(() => 1);
  return [broadcastTo(reshape(scalar(0), ones), shape)];
}
