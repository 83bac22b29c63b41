/** Operations that fold, reorder or join axes. */
import { broadcastShape, graphError, type Operation } from '../operation.ts';
import { elementCount, type ReductionAttributes, type Shape, sameShape, type Value } from '../value.ts';

type Reduction = 'reduceSum' | 'reduceMean' | 'reduceMax';
type Shaping = 'reshape' | 'broadcastTo' | 'transpose' | 'concat' | 'slice';

/** The shape after folding `axes`, which stay as 1 with `keepDims`. */
export function reducedShape([x]: readonly Value[], { axes, keepDims }: ReductionAttributes): Shape {
  return x.shape.flatMap((size, axis) => (!axes.includes(axis) ? [size] : keepDims ? [1] : []));
}

export const reductions: { [O in Reduction]: Operation<O> } = {
  reduceSum: { shape: reducedShape },
  reduceMean: { shape: reducedShape },
  reduceMax: { shape: reducedShape },
};

export const shaping: { [O in Shaping]: Operation<O> } = {
  reshape: {
    shape(inputs, { shape }) {
      if (elementCount(inputs[0].shape) !== elementCount(shape)) {
        throw graphError('reshape', `expected as many elements as [${shape.join(', ')}]`, inputs);
      }
      return shape;
    },
  },
  broadcastTo: {
    shape(inputs, { shape }) {
      const reached = broadcastShape(inputs[0].shape, shape);
      if (!reached || !sameShape(reached, shape)) {
        throw graphError('broadcastTo', `expected a shape that repeats to [${shape.join(', ')}]`, inputs);
      }
      return shape;
    },
  },
  transpose: {
    shape: ([x], { permutation }) => permutation.map((axis) => x.shape[axis]),
  },
  concat: {
    shape(inputs, { axis }) {
      const [first] = inputs;
      const fits = inputs.every(({ shape }) =>
        sameShape(shape.toSpliced(axis, 1, 0), first.shape.toSpliced(axis, 1, 0)),
      );
      if (!fits) throw graphError('concat', `expected shapes that differ along axis ${axis} only`, inputs);
      return first.shape.with(
        axis,
        inputs.reduce((sum, { shape }) => sum + shape[axis], 0),
      );
    },
  },
  slice: {
    shape(inputs, { axis, start, end }) {
      const [{ shape }] = inputs;
      if (start < 0 || end > shape[axis] || start >= end)
        throw graphError('slice', `expected ${start}..${end} inside axis ${axis}`, inputs);
      return shape.with(axis, end - start);
    },
  },
};
