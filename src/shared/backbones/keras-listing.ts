/** Keras's own list of a network's layers, `model.layers`, by whose numbers people name layers. */
import type { LayerNode } from './keras-order.ts';

type NamedAfter = readonly [pattern: RegExp, layer: string];

/** How Keras's list differs from the layers of a network here; both are in the same order. */
export interface KerasListing {
  /** Layers behind the input layer and before all others. */
  readonly start?: readonly string[];
  /** Layers without a counterpart before those whose names match; `$1` stands for the part in brackets. */
  readonly before?: readonly NamedAfter[];
  readonly behind?: readonly NamedAfter[];
  /** Layers that Keras does not list: bare operations, and those of a model within the model. */
  readonly unlisted?: RegExp;
}

export interface ListedLayer {
  readonly name: string;
  /** The index of its node; of a layer without one, of the next; as many as there are nodes behind the last. */
  readonly node: number;
}

/** The layers as Keras lists them for a network without its top and pooling. */
export function kerasListing(
  nodes: readonly LayerNode[],
  { start = [], before = [], behind = [], unlisted }: KerasListing = {},
): ListedLayer[] {
  const namedAfter = (layer: string, named: readonly NamedAfter[]): string[] =>
    named.flatMap(([pattern, name]) => (pattern.test(layer) ? [layer.replace(pattern, name)] : []));
  const inner = nodes.flatMap(({ layer }, node): ListedLayer[] => [
    ...namedAfter(layer, before).map((name) => ({ name, node })),
    ...(unlisted?.test(layer) ? [] : [{ name: layer, node }]),
    ...namedAfter(layer, behind).map((name) => ({ name, node: node + 1 })),
  ]);
  return [...['input_layer', ...start].map((name) => ({ name, node: 0 })), ...inner];
}
