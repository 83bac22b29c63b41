/** The one network in a Keras configuration that a backbone is: its layers, and what lies in front of them. */
import { InputError } from '../../errors.ts';
import { input } from '../../graph/build.ts';
import { BATCH, type Value } from '../../graph/value.ts';
import type { Size } from '../../images/resize.ts';
import type { KerasLayer, KerasModel } from '../../weights/keras-config.ts';
import type { LayerPlace } from '../../weights/match-layers.ts';
import { blankOnes } from '../../weights/source.ts';
import type { BackboneDefinition } from '../backbone.ts';
import { createLayers, type Layers } from '../layers.ts';
import { differences } from './differences.ts';
import type { Front } from './front.ts';
import { createNumbering, type NetworkMatch, type Numbering, pairLayers } from './match-network.ts';
import { type Trace, traceModel } from './trace.ts';

export interface FoundNetwork {
  /** The places of the backbone's layers with weights, by their names. */
  readonly places: ReadonlyMap<string, LayerPlace>;
  readonly front: Front;
  /** The width and height that the model was built for, where they are fixed. */
  readonly built: Partial<Size>;
  /** The place of a layer of the configuration. */
  place(names: readonly string[]): LayerPlace;
}

/** @throws InputError that names the layers that differ, or the networks where there are several */
export function findNetwork(
  model: KerasModel,
  { definition, size, path }: { definition: BackboneDefinition; size: Size; path: string },
): FoundNetwork {
  const where = `the configuration in ${path}`;
  const traced = createLayers(blankOnes());
  const trace = traceModel(model, traced, size, where);
  const searched = sizesOf(trace, definition, size).map((side) => {
    const expected = buildBlank(definition, side);
    const numbering = createNumbering();
    for (const root of [...trace.fronts.keys(), expected.image]) numbering.pixels(root);
    for (const value of expected.layers.outputs.values()) numbering.of(value);
    return { expected, numbering, matches: networks(expected, trace, traced, numbering) };
  });
  const matches = searched.flatMap((found) => found.matches);
  if (matches.length === 0) {
    const [{ expected, numbering }] = searched;
    throw differences(expected.layers.outputs, trace, numbering, { backbone: definition.name, where });
  }
  const [match] = matches;
  if (matches.length > 1) {
    const names = matches.map((found) => networkName(found, trace)).join(' and ');
    throw new InputError(
      `Expected one ${definition.name} in ${path} but found ${matches.length}, ${names}: save the one you want alone, as model.get_layer(NAME).save(...) does`,
    );
  }
  const place = (names: readonly string[]): LayerPlace => ({ names, keys: keysOf(model, names) });
  const places = [...match.layers].map(([layer, found]) => [layer, place(pathOf(found, trace))] as const);
  return { places: new Map(places), front: onlyFront(match, trace, path), built: trace.built, place };
}

/** The sizes that images have in front of a network: more than one where layers resize them. */
function sizesOf({ fronts }: Trace, { minimumSize }: BackboneDefinition, size: Size): Size[] {
  const sizes = new Map<string, Size>();
  for (const { shape } of fronts.keys()) {
    const [, height, width] = shape;
    if (height >= minimumSize && width >= minimumSize) sizes.set(`${width}x${height}`, { width, height });
  }
  return sizes.size > 0 ? [...sizes.values()] : [size];
}

interface Built {
  image: Value;
  /** The last value that has weights before it: the last map, or what ConvNeXt makes of it. */
  ends: readonly Value[];
  layers: Layers;
}

function buildBlank(definition: BackboneDefinition, { width, height }: Size): Built {
  const layers = createLayers(blankOnes());
  const image = input('image', 'float32', [BATCH, height, width, 3]);
  const map = definition.build(image, layers);
  const after = definition.afterPooling?.(map.shape[3], layers);
  // Keras normalizes what it has pooled, or the map itself where a network ends in it.
  const pooled = [layers.globalAvgPool(map, 'avg_pool'), layers.globalMaxPool(map, 'max_pool'), map];
  return { image, ends: after ? pooled.map(after) : [map], layers };
}

/** Each network there is once, however often it is called. */
function networks(expected: Built, trace: Trace, traced: Layers, numbering: Numbering): NetworkMatch[] {
  const ends = new Map(expected.ends.map((value) => [numbering.of(value), value]));
  const found = new Map<string, NetworkMatch>();
  for (const value of new Set(
    trace.calls.flatMap(({ output }) => (output.kind === 'value' ? [output.value] : [])),
  )) {
    const end = ends.get(numbering.of(value));
    if (!end) continue;
    const match = pairLayers(
      { value: end, outputs: expected.layers.outputs },
      { value, outputs: traced.outputs },
      numbering,
      (pixels) => pixels === expected.image,
    );
    const key = JSON.stringify([...match.layers.values()].map((layer) => pathOf(layer, trace)));
    const existing = found.get(key);
    found.set(
      key,
      existing ? { layers: existing.layers, roots: new Set([...existing.roots, ...match.roots]) } : match,
    );
  }
  return [...found.values()];
}

function pathOf(layer: string, { paths }: Trace): readonly string[] {
  const path = paths.get(layer.replace(/:activation$/, ''));
  if (!path) throw new Error(`${layer} was not traced`);
  return path;
}

/** The model that a network is, or its first layer where it is no model of its own. */
function networkName({ layers }: NetworkMatch, trace: Trace): string {
  const [first] = [...layers.values()].slice(-1);
  const path = pathOf(first, trace);
  return path.length > 1 ? path.slice(0, -1).join('/') : `that of the layer ${path[0]}`;
}

function keysOf(model: KerasModel, names: readonly string[]): string[] {
  const keys: string[] = [];
  let inside: KerasModel | undefined = model;
  for (const name of names) {
    const layer: KerasLayer | undefined = inside?.layers.find((entry) => entry.name === name);
    keys.push(layer?.key ?? name);
    inside = layer?.model;
  }
  return keys;
}

/** What lies in front: the same for every call of the network. */
function onlyFront({ roots }: NetworkMatch, { fronts }: Trace, path: string): Front {
  const [front, ...others] = [...roots].map((root) => fronts.get(root)!);
  if (others.some((other) => JSON.stringify(other) !== JSON.stringify(front))) {
    throw new InputError(
      `Expected pixels prepared in one way for the network in ${path} but it is called on several: save it alone`,
    );
  }
  return front;
}
