/** What every engine asks of the arrays it is fed. */
import { BATCH, elementCount, type Graph, type Shape, type Value } from '../graph/value.ts';
import type { Feeds } from './interface.ts';

/** The open batch size, from the length of the first input that has one. */
export function batchSize(graph: Graph, feeds: Feeds): number {
  for (const [name, value] of graph.inputs) {
    if (value.shape[0] === BATCH && feeds[name]) return feeds[name].length / elementCount(value.shape);
  }
  return 1;
}

/** A shape with the open batch size filled in. */
export function concreteShape(shape: Shape, batch: number): number[] {
  return shape.map((size) => (size === BATCH ? batch : size));
}

/** The array for an input or output called `name`. @throws when it is missing or does not have the value's length */
export function checkLength<A extends ArrayLike<number>>(
  name: string,
  data: A | undefined,
  { shape }: Value,
  batch: number,
): A {
  const expected = elementCount(shape, batch);
  if (data?.length !== expected) {
    throw new Error(`Expected ${expected} numbers for ${name} but received ${data?.length ?? 'none'}`);
  }
  return data;
}
