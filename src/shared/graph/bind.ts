/** Graph pass: inputs that always get the same numbers become constants, which engines prepare once. */
import { constant, graph } from './build.ts';
import type { Graph, Value } from './value.ts';

/** @param numbers by the names of inputs; inputs without any stay inputs */
export function withConstants(source: Graph, numbers: ReadonlyMap<string, Float32Array>): Graph {
  const replacement = new Map<Value, Value>();
  for (const value of source.values) {
    const data = value.op === 'input' && value.name !== undefined ? numbers.get(value.name) : undefined;
    const inputs = value.inputs.map((input) => replacement.get(input)!);
    replacement.set(value, data ? constant(data, value.shape, value.name) : { ...value, inputs });
  }
  const outputs = [...source.outputs].map(([name, value]) => [name, replacement.get(value)!] as const);
  return graph(Object.fromEntries(outputs));
}
