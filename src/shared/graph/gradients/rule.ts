/** The form of a row in the table of gradient rules, and what several rules need. */
import { reduceSum, reshape } from '../build.ts';
import { BATCH, type OperationName, type Shape, type Value } from '../value.ts';

/** Gradients with respect to each input of `value`, given the gradient `upstream` with respect to `value` itself. */
export type GradientRule<O extends OperationName> = (value: Value<O>, upstream: Value) => Value[];

/** Sums `gradient` over the axes along which a value of `shape` was repeated to reach the gradient's shape. */
export function sumTo(gradient: Value, shape: Shape): Value {
  const extra = gradient.shape.length - shape.length;
  const axes = gradient.shape.flatMap((size, axis) =>
    axis < extra || (shape[axis - extra] === 1 && size !== 1) ? [axis] : [],
  );
  if (axes.length === 0) return gradient;
  return reshape(reduceSum(gradient, { axes, keepDims: true }), shape);
}

/** The number of elements that a reduction folds into one; a gradient needs it, so the batch must be bound. */
export function reducedCount(shape: Shape, axes: readonly number[]): number {
  return axes.reduce((count, axis) => {
    if (shape[axis] === BATCH)
      throw new Error('The gradient of a mean over the batch needs a graph with a fixed batch size');
    return count * shape[axis];
  }, 1);
}
