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
  /** The model within the file that it belongs to; that of a model within a model begins with the outer one's and a slash. */
  readonly container: string;
  /** Its name, or that of its group, in the container. */
  readonly key: string;
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
  /** Where a configuration says that layers are; those without a place are not needed. */
  places?: ReadonlyMap<string, LayerPlace>;
}

/** Where a layer is: names of the models around it and its own, and the groups of a `.weights.h5` file. */
export interface LayerPlace {
  readonly names: readonly string[];
  readonly keys: readonly string[];
}

/** Saved layers by the names of the backbone's. */
export type Matched = ReadonlyMap<string, SavedLayer>;

/**
 * Layers where a configuration says they are; else by name where all names are there, else, as Keras does, by the order
 * of the layers that have weights. Layers behind the backbone's (its top, a head) are ignored.
 * @throws InputError that says which layer and shape were expected and what was found, or names two such networks
 */
export function matchLayers(saved: readonly SavedLayer[], options: MatchOptions): Matched {
  const withWeights = saved.filter(({ weights }) => weights.length > 0);
  if (options.places) return matchByPlace(withWeights, options, options.places);
  const [match, another] = networks(withWeights, options);
  if (!another) return match;
  const { backbone, path } = options;
  throw new InputError(
    `Expected one ${backbone} in ${path} but found two, ${[match, another].map(nameOf).sort().join(' and ')}: ` +
      'save the one you want alone, as model.get_layer(NAME).save(...) does',
  );
}

/** The network in each model of a file, or what is left over from the first, that has all layers. */
function networks(saved: readonly SavedLayer[], options: MatchOptions): [Matched, Matched?] {
  const sizes = new Map<string, number>();
  for (const { container } of saved) sizes.set(container, (sizes.get(container) ?? 0) + 1);
  const containers = [...sizes.keys()].sort((a, b) => sizes.get(b)! - sizes.get(a)!);
  let found: Matched | undefined;
  let failure: unknown;
  for (const container of [...containers, '']) {
    for (let another = 0; another < 2; another++) {
      const used = new Set(found?.values());
      const rest = within(saved, container).filter((layer) => !used.has(layer));
      let match: Matched;
      try {
        match = matchByName(rest, options) ?? matchByOrder(rest, options, container);
      } catch (thrown) {
        failure ??= thrown;
        break;
      }
      if (found) return [found, match];
      found = match;
    }
  }
  if (!found) throw withAdvice(failure, saved);
  return [found];
}

/** Weights alone are matched by order, and so by shapes: a top or layers in front may move them out of step. */
function withAdvice(failure: unknown, saved: readonly SavedLayer[]): unknown {
  const isWeightsAlone = saved.some(({ container }) => /^layers(\/|$)/.test(container));
  if (!isWeightsAlone || !(failure instanceof InputError)) return failure;
  return new InputError(
    `${failure.message}. A .weights.h5 file does not say which layers it has: where the network has a top or layers in front, save the whole model (model.save("NAME.keras"))`,
  );
}

/** The layers of a model and of those inside it, whose sequences are their own. */
function within(saved: readonly SavedLayer[], container: string): SavedLayer[] {
  if (container === '') return [...saved];
  return saved.filter(
    (layer) => layer.container === container || layer.container.startsWith(`${container}/`),
  );
}

/** The model that a network is, or its first layer where it is no model of its own. */
function nameOf(match: Matched): string {
  const [{ container, name }] = match.values();
  return container === '' || container === 'layers'
    ? `that of the layer ${name}`
    : container.replaceAll('layers/', '').replace(/\/layers$/, '');
}

function matchByPlace(
  saved: readonly SavedLayer[],
  options: MatchOptions,
  places: ReadonlyMap<string, LayerPlace>,
): Matched {
  const matched = new Map<string, SavedLayer>();
  for (const layer of options.layers) {
    const place = places.get(layer.layer);
    if (!place) continue;
    const found = layerAt(saved, place);
    if (!found)
      throw new InputError(
        `Expected weights of the layer ${place.names.join('/')} in ${options.path} but found none`,
      );
    checkShapes(layer, found, options);
    matched.set(layer.layer, found);
  }
  return matched;
}

/** The layer that is at a place, whichever of Keras's layouts the file has. */
export function layerAt(saved: readonly SavedLayer[], { names, keys }: LayerPlace): SavedLayer | undefined {
  const group = ['layers', ...keys.slice(0, -1).flatMap((key) => [key, 'layers'])].join('/');
  const model = names.length > 1 ? names[0] : '';
  const name = names.at(-1);
  return (
    saved.find((layer) => layer.container === group && layer.key === keys.at(-1)) ??
    saved.find((layer) => layer.container === model && layer.key === name) ??
    // A name that begins with those of models around it.
    saved.find((layer) => layer.container === model && layer.key.endsWith(`/${name}`))
  );
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

function matchByOrder(saved: readonly SavedLayer[], options: MatchOptions, container: string): Matched {
  const { layers, backbone, path } = options;
  const sequences = new Map<string, SavedLayer[]>();
  for (const layer of saved) sequences.set(layer.sequence, [...(sequences.get(layer.sequence) ?? []), layer]);
  const matched = new Map<string, SavedLayer>();
  for (const layer of layers) {
    const found = (sequences.get('') ?? sequences.get(`${container}/${layer.kind}`))?.shift();
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
    found.length === weights.length &&
    weights.every(({ shape }, index) => sameShape(shape, found[index].shape));
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
