/** The bookkeeping of a network under construction: layers by name, what they are fed by, which weights they have. */
import { constant } from '../../graph/build.ts';
import { type Shape, shapeText, type Value } from '../../graph/value.ts';
import type { LayerWeights, WeightName, WeightSource } from '../../weights/source.ts';
import { kerasOrder, type LayerNode } from '../keras-order.ts';

/** A layer that is being added: its weights are read in Keras's order, then its output is given. */
export interface StartedLayer {
  /** Whether its weights stay values of their own, which training changes. */
  readonly isTrained: boolean;
  /** A weight's numbers. */
  numbers(weight: WeightName, shape: Shape): Float32Array;
  /** A weight as a value of the graph, in `as` instead of Keras's shape if the two lay numbers out alike. */
  value(weight: WeightName, shape: Shape, as?: Shape): Value;
  /** A weight that files hold and the network does not need. */
  unused(weight: WeightName, shape: Shape): void;
  /** Ends the layer; returns its output. */
  give(inputs: readonly Value[], output: Value): Value;
}

export interface Network {
  /** Starts a layer of a Keras class (in snake_case); without a name it is numbered as Keras does: `conv2d`, `conv2d_1` ... */
  start(kind: string, name?: string): StartedLayer;
  /** The output of every layer so far, by name. */
  readonly outputs: ReadonlyMap<string, Value>;
  /** The layers that `output` is computed from, in the order in which Keras lists and saves them. */
  layersOf(output: Value): LayerNode[];
  /** Those with weights. */
  weightLayers(output: Value): LayerWeights[];
}

export function createNetwork(source: WeightSource, isTrained = (_layer: string) => false): Network {
  const outputs = new Map<string, Value>();
  const nodes = new Map<Value, LayerNode>();
  const counts = new Map<string, number>();

  const automaticName = (kind: string): string => {
    const count = counts.get(kind) ?? 0;
    counts.set(kind, count + 1);
    return count === 0 ? kind : `${kind}_${count}`;
  };

  const layersOf = (output: Value): LayerNode[] => {
    const node = nodes.get(output);
    if (!node) throw new Error(`No layer made this value of shape ${shapeText(output.shape)}`);
    return kerasOrder(node);
  };

  return {
    start(kind, name = automaticName(kind)) {
      if (outputs.has(name)) throw new Error(`Two layers are called ${name}`);
      const weights: { name: WeightName; shape: Shape }[] = [];
      const numbers = (weight: WeightName, shape: Shape): Float32Array => {
        weights.push({ name: weight, shape });
        return source(name, weight, shape);
      };
      return {
        isTrained: isTrained(name),
        numbers,
        value: (weight, shape, as = shape) => constant(numbers(weight, shape), as, `${name}/${weight}`),
        unused: (weight, shape) => void weights.push({ name: weight, shape }),
        give(inputs, output) {
          outputs.set(name, output);
          const from = inputs.flatMap((value) => nodes.get(value) ?? []);
          nodes.set(output, { layer: name, kind, inputs: from, weights });
          return output;
        },
      };
    },
    outputs,
    layersOf,
    weightLayers: (output) =>
      layersOf(output)
        .filter(({ weights }) => weights.length > 0)
        .map(({ layer, kind, weights }) => ({ layer, kind, weights })),
  };
}
