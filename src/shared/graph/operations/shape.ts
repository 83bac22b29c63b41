/** Operations that fold, reorder or join axes. */
import { broadcastShape, graphError, type Operation, reducedCount, sumTo } from '../operation.ts';
import { elementCount, type ReductionAttributes, type Shape, sameShape, type Value } from '../value.ts';

type Reduction = 'reduceSum' | 'reduceMean' | 'reduceMax';
type Shaping = 'reshape' | 'broadcastTo' | 'transpose' | 'concat' | 'slice';

function reducedShape([x]: readonly Value[], { axes, keepDims }: ReductionAttributes): Shape {
  return x.shape.flatMap((size, axis) => (!axes.includes(axis) ? [size] : keepDims ? [1] : []));
}

/** The shape with reduced axes kept as 1, which broadcasts back over the reduction's input. */
function keptShape(value: Value<Reduction>): Shape {
  return reducedShape(value.inputs, { axes: value.attributes.axes, keepDims: true });
}

export const reductions: { [O in Reduction]: Operation<O> } = {
  reduceSum: {
    shape: reducedShape,
    gradient: (value, upstream, build) => [
      build.broadcastTo(build.reshape(upstream, keptShape(value)), value.inputs[0].shape),
    ],
  },
  reduceMean: {
    shape: reducedShape,
    gradient(value, upstream, build) {
      const [x] = value.inputs;
      const share = build.scalar(1 / reducedCount(x.shape, value.attributes.axes));
      return [build.broadcastTo(build.reshape(build.mul(upstream, share), keptShape(value)), x.shape)];
    },
  },
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
    gradient: ({ inputs: [x] }, upstream, build) => [build.reshape(upstream, x.shape)],
  },
  broadcastTo: {
    shape(inputs, { shape }) {
      const reached = broadcastShape(inputs[0].shape, shape);
      if (!reached || !sameShape(reached, shape)) {
        throw graphError('broadcastTo', `expected a shape that repeats to [${shape.join(', ')}]`, inputs);
      }
      return shape;
    },
    gradient: ({ inputs: [x] }, upstream, build) => [sumTo(upstream, x.shape, build)],
  },
  transpose: {
    shape: ([x], { permutation }) => permutation.map((axis) => x.shape[axis]),
    gradient({ attributes: { permutation } }, upstream, build) {
      const inverse = permutation.map((_, axis) => permutation.indexOf(axis));
      return [build.transpose(upstream, inverse)];
    },
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
    gradient({ inputs, attributes: { axis } }, upstream, build) {
      let start = 0;
      return inputs.map(({ shape }) => {
        const end = start + shape[axis];
        const part = build.slice(upstream, { axis, start, end });
        start = end;
        return part;
      });
    },
  },
  slice: {
    shape(inputs, { axis, start, end }) {
      const [{ shape }] = inputs;
      if (start < 0 || end > shape[axis] || start >= end)
        throw graphError('slice', `expected ${start}..${end} inside axis ${axis}`, inputs);
      return shape.with(axis, end - start);
    },
    gradient({ inputs: [x], attributes: { axis, start, end } }, upstream, build) {
      const zeros = (size: number): Value[] => {
        if (size === 0) return [];
        const shape = x.shape.with(axis, size);
        return [
          build.broadcastTo(
            build.reshape(
              build.scalar(0),
              shape.map(() => 1),
            ),
            shape,
          ),
        ];
      };
      return [build.concat([...zeros(start), upstream, ...zeros(x.shape[axis] - end)], { axis })];
    },
  },
};
