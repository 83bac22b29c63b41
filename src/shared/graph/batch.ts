/** Graph pass: an open batch size becomes a number, which sums over the batch need. */
import { graph } from './build.ts';
import { BATCH, type Graph, type Shape, type Value } from './value.ts';

/** The same graph for `batch` rows. */
export function withBatch(source: Graph, batch: number): Graph {
  const bound = (shape: Shape): Shape => shape.map((size) => (size === BATCH ? batch : size));
  const replacement = new Map<Value, Value>();
  for (const value of source.values) {
    const { attributes } = value;
    replacement.set(value, {
      ...value,
      inputs: value.inputs.map((input) => replacement.get(input)!),
      shape: bound(value.shape),
      attributes: 'shape' in attributes ? { ...attributes, shape: bound(attributes.shape) } : attributes,
    });
  }
  const outputs = [...source.outputs].map(([name, value]) => [name, replacement.get(value)!] as const);
  return graph(Object.fromEntries(outputs));
}
