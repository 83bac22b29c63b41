/** The order in which Keras lists a network's layers, and so the order of the weights in its files. */
import type { LayerWeights } from '../weights/source.ts';

/** A layer, the layers it takes its inputs from and its weights (possibly none). */
export interface LayerNode extends LayerWeights {
  readonly inputs: readonly LayerNode[];
}

/**
 * All layers that `output` depends on: those furthest from the output first; at equal distance, in the order in which
 * a walk from the output towards the input meets them (map_graph in keras/src/ops/function.py, unchanged since Keras 1).
 */
export function kerasOrder(output: LayerNode): LayerNode[] {
  const met: LayerNode[] = [];
  const inputsFirst: LayerNode[] = [];
  const seen = new Set<LayerNode>();
  const walk = (node: LayerNode): void => {
    if (seen.has(node)) return;
    seen.add(node);
    met.push(node);
    node.inputs.forEach(walk);
    inputsFirst.push(node);
  };
  walk(output);

  const distance = new Map<LayerNode, number>();
  for (const node of inputsFirst.reverse()) {
    const far = distance.get(node) ?? 0;
    distance.set(node, far);
    for (const input of node.inputs) distance.set(input, Math.max(far + 1, distance.get(input) ?? 0));
  }
  return met.sort((a, b) => (distance.get(b) ?? 0) - (distance.get(a) ?? 0));
}
