/** Keras weight files: which saved layer belongs to which layer of the backbone, every shape checked. */
import { Dataset } from 'h5wasm/node';
import { InputError } from '../errors.ts';
import { type Shape, sameShape } from '../graph/value.ts';
import { closeQuietly, guarded, openHdf5 } from './hdf5.ts';
import { type SavedLayer, savedLayers } from './keras-layers.ts';
import type { LayerWeights, WeightSource } from './source.ts';

export interface KerasWeightsOptions {
  path: string;
  /** Where its HDF5 content is, if not at `path` itself. */
  file?: string;
  /** The network's name, for messages. */
  backbone: string;
  /** What the backbone needs, in Keras's order. */
  layers: readonly LayerWeights[];
  /** The names of layers in the network's first files, where they differ. */
  olderLayerName?: (layer: string) => string;
}

/**
 * Opens a file for a backbone. Layers are found by name where the file has all names, else, as Keras does, by the order
 * of the layers that have weights; layers behind the backbone's (its top, a head) are ignored.
 * Throws an InputError that says which layer and shape were expected and what was found.
 */
export async function openKerasWeights(
  options: KerasWeightsOptions,
): Promise<{ source: WeightSource; close: () => void }> {
  const { path, layers } = options;
  const file = await openHdf5(path, options.file);
  try {
    const saved = guarded(path, () => savedLayers(file, path)).filter(({ weights }) => weights.length > 0);
    const matched = matchByName(saved, options) ?? matchByOrder(saved, options);
    const positions = new Map(layers.map(({ layer, weights }) => [layer, weights.map(({ name }) => name)]));
    return {
      source(layer, weight) {
        const at = positions.get(layer)?.indexOf(weight) ?? -1;
        const found = matched.get(layer)?.weights[at];
        if (!found) throw new Error(`${layer}/${weight} was not asked for when ${path} was opened`);
        return readArray(
          guarded(path, () => readValue(file.get(found.path))),
          `${found.path} of ${path}`,
        );
      },
      close: () => closeQuietly(file),
    };
  } catch (thrown) {
    closeQuietly(file);
    throw thrown;
  }
}

type Matched = ReadonlyMap<string, SavedLayer>;

/** Undefined when the file lacks one of the names. */
function matchByName(saved: readonly SavedLayer[], options: KerasWeightsOptions): Matched | undefined {
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
  { backbone, path }: KerasWeightsOptions,
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

function matchByOrder(saved: readonly SavedLayer[], options: KerasWeightsOptions): Matched {
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
  { backbone, path }: KerasWeightsOptions,
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

function readValue(dataset: unknown): unknown {
  return dataset instanceof Dataset ? dataset.value : undefined;
}

function readArray(value: unknown, where: string): Float32Array {
  if (value instanceof Float32Array) return value;
  if (value instanceof Float64Array) return Float32Array.from(value);
  throw new InputError(`Expected numbers of 32 or 64 bits for ${where} but found another type`);
}
