/** Which saved layer belongs to which layer of a backbone, every shape checked. */
import { InputError } from '../errors.ts';
import { type Shape, sameShape } from '../graph/value.ts';
import type { LayerWeights } from './source.ts';

/** A saved array: where it is in its file and its shape. */
export interface SavedWeight {
  readonly path: string;
  readonly shape: readonly number[];
}

export interface SavedLayer {
  readonly name: string;
  /** Layers of one sequence are listed in Keras's order; what lies between sequences is not known. */
  readonly sequence: string;
  readonly weights: readonly SavedWeight[];
}

export interface MatchOptions {
  path: string;
  /** The network's name, for messages. */
  backbone: string;
  /** What the backbone needs, in Keras's order. */
  layers: readonly LayerWeights[];
  /** The names of layers in the network's first files, where they differ. */
  olderLayerName?: (layer: string) => string;
}

/** Saved layers by the names of the backbone's. */
export type Matched = ReadonlyMap<string, SavedLayer>;

/**
 * Layers by name where all names are there, else, as Keras does, by the order of the layers that have weights; layers
 * behind the backbone's (its top, a head) are ignored.
 * @throws InputError that says which layer and shape were expected and what was found
 */
export function matchLayers(saved: readonly SavedLayer[], options: MatchOptions): Matched {
  const withWeights = saved.filter(({ weights }) => weights.length > 0);
  return matchByName(withWeights, options) ?? matchByOrder(withWeights, options);
}

/** Undefined when the file lacks one of the names. */
function matchByName(saved: readonly SavedLayer[], options: MatchOptions): Matched | undefined {
  const { layers, olderLayerName } = options;
  const byName = new Map(saved.map((layer) => [layer.name, layer]));
  for (const nameOf of [(layer: string) => layer, olderLayerName]) {
    if (!nameOf) continue;
    const matched = new Map<string, SavedLayer>();
    for (const { layer } of layers) {
      const found = byName.get(nameOf(layer));
      if (found) matched.set(layer, found);
    }
    if (matched.size === layers.length) {
      for (const layer of layers) checkShapes(layer, matched.get(layer.layer), options);
      refuseLayersBetween(saved, new Set(matched.values()), options);
      return matched;
    }
  }
  return undefined;
}

/** A deeper network of the same family has every name, and more layers in between. */
function refuseLayersBetween(
  saved: readonly SavedLayer[],
  used: ReadonlySet<SavedLayer>,
  { backbone, path }: MatchOptions,
): void {
  for (const sequence of new Set([...used].map((layer) => layer.sequence))) {
    const inSequence = saved.filter((layer) => layer.sequence === sequence);
    const first = inSequence.findIndex((layer) => used.has(layer));
    const last = inSequence.findLastIndex((layer) => used.has(layer));
    const stranger = inSequence.slice(first, last).find((layer) => !used.has(layer));
    if (stranger) {
      throw new InputError(
        `Expected weights of ${backbone} in ${path} but found the layer ${stranger.name}, which it does not have`,
      );
    }
  }
}

function matchByOrder(saved: readonly SavedLayer[], options: MatchOptions): Matched {
  const { layers, backbone, path } = options;
  const sequences = new Map<string, SavedLayer[]>();
  for (const layer of saved) sequences.set(layer.sequence, [...(sequences.get(layer.sequence) ?? []), layer]);
  const matched = new Map<string, SavedLayer>();
  for (const layer of layers) {
    const found = (sequences.get('') ?? sequences.get(layer.kind))?.shift();
    if (!found) {
      throw new InputError(
        `Expected the ${layers.length} layers with weights of ${backbone} in ${path} but found ${saved.length}, ` +
          `none left for ${layer.layer} (${layer.weights.map(({ name, shape }) => `${name} ${text(shape)}`).join(', ')})`,
      );
    }
    checkShapes(layer, found, options);
    matched.set(layer.layer, found);
  }
  return matched;
}

function checkShapes(
  { layer, weights }: LayerWeights,
  saved: SavedLayer | undefined,
  { backbone, path }: MatchOptions,
): void {
  const found = saved?.weights ?? [];
  const fits =
    found.length === weights.length && weights.every(({ shape }, at) => sameShape(shape, found[at].shape));
  if (fits) return;
  const expected = weights.map(({ name, shape }) => `${name} ${text(shape)}`).join(', ');
  const received = found.map(({ shape }) => text(shape)).join(', ') || 'nothing';
  throw new InputError(
    `Expected ${expected} for layer ${layer} of ${backbone} but found ${received} in layer ${saved?.name} of ${path}` +
      (isTheanoOrder(weights[0].shape, found[0]?.shape)
        ? ' (kernels in the order of Theano; get the tf_dim_ordering file)'
        : ''),
  );
}

/** Theano keeps kernels as output channels, input channels, rows, columns. */
function isTheanoOrder([rows, columns, inputs, filters]: Shape, found: Shape | undefined): boolean {
  return found !== undefined && sameShape(found, [filters, inputs, rows, columns]);
}

function text(shape: Shape): string {
  return shape.join('x');
}
