/** The form of a row in the table of operations. */
import type { Build } from './build.ts';
import {
  BATCH,
  type DType,
  type OperationAttributes,
  type OperationName,
  type Shape,
  shapeText,
  type Value,
} from './value.ts';

/** One operation: what it makes of its inputs' shapes, and how a loss's gradient flows back through it. */
export interface Operation<O extends OperationName> {
  /** The result's shape; throws when the inputs do not fit. */
  shape(inputs: readonly Value[], attributes: OperationAttributes[O]): Shape;
  /** The result's element type, where it is not that of the first input. */
  dtype?(attributes: OperationAttributes[O]): DType;
  /**
   * Gradients with respect to each input, given the gradient `upstream` with respect to `value`.
   * Operations that only frozen backbones use have none.
   */
  gradient?(value: Value<O>, upstream: Value, build: Build): Value[];
}

/** A defect in a graph builder, with the shapes that show it. */
export function graphError(operation: string, problem: string, inputs: readonly Value[]): Error {
  return new Error(
    `${operation}: ${problem}, received ${inputs.map((value) => shapeText(value.shape)).join(' and ')}`,
  );
}

/** The shape of two values combined element by element (NumPy's rules; an open batch only meets itself or 1). */
export function broadcastShape(a: Shape, b: Shape): Shape | undefined {
  const rank = Math.max(a.length, b.length);
  const result: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const left = a[a.length - rank + axis] ?? 1;
    const right = b[b.length - rank + axis] ?? 1;
    if (left !== right && left !== 1 && right !== 1) return undefined;
    result.push(left === 1 ? right : left);
  }
  return result;
}

/** Sums `gradient` over the axes along which a value of `shape` was repeated to reach the gradient's shape. */
export function sumTo(gradient: Value, shape: Shape, build: Build): Value {
  const extra = gradient.shape.length - shape.length;
  const axes = gradient.shape.flatMap((size, axis) =>
    axis < extra || (shape[axis - extra] === 1 && size !== 1) ? [axis] : [],
  );
  if (axes.length === 0) return gradient;
  const summed = build.reduceSum(gradient, { axes, keepDims: true });
  return build.reshape(summed, shape);
}

/** The number of elements that a reduction folds into one; a gradient needs it, so the batch must be bound. */
export function reducedCount(shape: Shape, axes: readonly number[]): number {
  return axes.reduce((count, axis) => {
    if (shape[axis] === BATCH)
      throw new Error('The gradient of a mean over the batch needs a graph with a fixed batch size');
    return count * shape[axis];
  }, 1);
}
