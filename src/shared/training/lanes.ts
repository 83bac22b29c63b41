/** One head's numbers in a tensor that a stack shares: heads lie one after the other, their kernels turned. */
import { elementCount, type Shape } from '../graph/value.ts';
import type { HeadParameter } from '../head/layers.ts';

/** Kernels lie [units, inputs] while they train: see headForward. */
export const isKernel = (parameterName: string): boolean => parameterName.endsWith('/kernel');

/** Copies a lane's numbers, as they are stored, into the tensor. */
export function writeLane(
  tensor: Float32Array,
  source: Float32Array,
  { name, shape }: HeadParameter,
  lane: number,
): void {
  const target = laneOf(tensor, shape, lane);
  if (isKernel(name)) turn(source, target, shape);
  else target.set(source);
}

/** Copies a lane's numbers out of the tensor, into the order in which they are stored. */
export function readLane(
  tensor: Float32Array,
  target: Float32Array,
  { name, shape }: HeadParameter,
  lane: number,
): void {
  const source = laneOf(tensor, shape, lane);
  if (isKernel(name)) turn(source, target, shape.toReversed());
  else target.set(source);
}

function laneOf(tensor: Float32Array, shape: Shape, lane: number): Float32Array {
  const count = elementCount(shape);
  return tensor.subarray(lane * count, (lane + 1) * count);
}

/** Rows and columns that are turned at once: 16 numbers are a cache line, which is read and written whole. */
const TILE = 16;

/** Columns of [rows, columns] become rows. */
function turn(source: Float32Array, target: Float32Array, [rows, columns]: Shape): void {
  for (let top = 0; top < rows; top += TILE) {
    const bottom = Math.min(top + TILE, rows);
    for (let left = 0; left < columns; left += TILE) {
      const right = Math.min(left + TILE, columns);
      for (let column = left; column < right; column++) {
        for (let row = top; row < bottom; row++) target[column * rows + row] = source[row * columns + column];
      }
    }
  }
}
