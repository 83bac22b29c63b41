/** The form of a row in the table of operations. */
import {
  type DType,
  type OperationAttributes,
  type OperationName,
  type Shape,
  shapeText,
  type Value,
} from './value.ts';

/** One operation: what it makes of its inputs' shapes. How a gradient flows back through it is in gradients/. */
export interface Operation<O extends OperationName> {
  /** The result's shape; throws when the inputs do not fit. */
  shape(inputs: readonly Value[], attributes: OperationAttributes[O]): Shape;
  /** The result's element type, where it is not that of the first input. */
  dtype?(attributes: OperationAttributes[O]): DType;
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
