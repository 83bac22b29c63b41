/** From a backbone's name to its graph: pixels in, pooled features out, weights in place. */

import { expectedMessage, UsageError, usage } from '../errors.ts';
import { graph, input } from '../graph/build.ts';
import { foldScaleShift } from '../graph/fold.ts';
import { BATCH, type Graph, type Value } from '../graph/value.ts';
import type { Size } from '../images/resize.ts';
import { didYouMean } from '../suggest.ts';
import type { Tensor } from '../weights/safetensors.ts';
import {
  blankSource,
  hashedSource,
  type LayerWeights,
  replacedSource,
  type WeightSource,
} from '../weights/source.ts';
import type { BackboneDefinition } from './backbone.ts';
import { type Preparation, publishedPreparation } from './configuration/prepare.ts';
import type { LayerNode } from './keras-order.ts';
import { insertedName, type NetworkChanges } from './layers/network.ts';
import { freshBatchNorm } from './layers/normalizations.ts';
import { createLayers, type Layers } from './layers.ts';
import { openWeights, type WeightsRequest } from './open-weights.ts';
import { LAST_LAYER, parseColumn, pool } from './pooling.ts';
import { applyAffine, PREPROCESSING } from './preprocessing.ts';
import { findBackbone } from './registry.ts';

/** One feature vector that a backbone gives for each image. */
export interface Column {
  readonly name: string;
  readonly dimension: number;
}

export interface BackboneOptions {
  /** A name of the registry; see findBackbone. */
  name: string;
  /** Default: the backbone's own. */
  size?: Size;
  /** Names of columns (see columnNames): `avg`, `max`, `conv4_block6_out/avg` ... */
  poolings: readonly string[];
}

/** The end of a network that was trained with a head: all weights of its layers, by `layer/weight`, in Keras's shapes. */
export type TailTensors = ReadonlyMap<string, Tensor>;

interface TailChoice {
  /** Takes the place of weights that were opened, which `weightsHash` stays the hash of. */
  tail?: TailTensors;
  /** Whether the tail's batch-norms stay as they are, instead of being folded into convolutions. */
  isTailUnfolded?: boolean;
}

export interface LoadedBackbone {
  /** Input `pixels`, uint8 RGB [batch, height, width, 3]; one float32 output [batch, dimension] per column. */
  readonly graph: Graph;
  readonly name: string;
  readonly size: Size;
  /** As requested: imagenet, none or a file. */
  readonly weights: string;
  /** sha256 over the names, shapes and bytes of the arrays used. */
  readonly weightsHash: string;
  readonly preprocessing: string;
  readonly columns: readonly Column[];
}

/**
 * Builds a backbone's graph with its weights.
 * @throws UsageError for an unknown name, layer, pooling or weights, or a size below the backbone's smallest;
 *   InputError for a weights file that is damaged or of another network
 */
export async function loadBackbone({
  weights,
  opening,
  note,
  tail,
  isTailUnfolded = false,
  ...options
}: BackboneOptions &
  Pick<WeightsRequest, 'weights' | 'opening' | 'note'> &
  TailChoice): Promise<LoadedBackbone> {
  const { definition, size, layers } = describeBackbone(options);
  const isDefaultSize = options.size === undefined;
  const opened = await openWeights({ definition, size, isDefaultSize, weights, layers, opening, note });
  try {
    const { source, hash } = hashedSource(opened.source);
    const { preparation } = opened;
    const { outputs } = build(
      definition,
      size,
      tail ? replacedSource(source, tail) : source,
      options.poolings,
      preparation,
      tail && changesOf(tail, isTailUnfolded),
    );
    return {
      graph: foldScaleShift(graph(outputs)),
      name: definition.name,
      size,
      weights,
      weightsHash: hash(),
      preprocessing: preparation.name,
      columns: columnsOf(outputs),
    };
  } finally {
    await opened.close();
  }
}

/** What there is to know about a backbone without its weights. */
export interface BackboneShape {
  readonly definition: BackboneDefinition;
  readonly size: Size;
  readonly columns: Column[];
  /** Layers with weights, in Keras's order. */
  readonly layers: LayerWeights[];
  /** All layers, in Keras's order. */
  readonly nodes: LayerNode[];
  /** The output of every layer, by its Keras name, in the order of creation. */
  readonly outputs: ReadonlyMap<string, Value>;
  /** The last feature map. */
  readonly map: Value;
}

/** Throws UsageErrors as loadBackbone does. */
export function describeBackbone(options: BackboneOptions): BackboneShape {
  const { definition, size } = resolve(options);
  const { outputs, ...built } = build(definition, size, blankSource(), options.poolings);
  return { definition, size, columns: columnsOf(outputs), ...built, outputs: built.named };
}

function resolve({ name, size }: BackboneOptions): { definition: BackboneDefinition; size: Size } {
  const definition = findBackbone(name);
  const { width, height } = size ?? { width: definition.size, height: definition.size };
  const min = definition.minimumSize;
  if (!(width >= min && height >= min)) {
    throw usage(`at least ${min}x${min} with ${definition.name}`, '--size', `${width}x${height}`);
  }
  return { definition, size: { width, height } };
}

/** The values of a network, in which layers that are trained may differ from the published ones. */
export function build(
  definition: BackboneDefinition,
  { width, height }: Size,
  source: WeightSource,
  columns: readonly string[],
  preparation = publishedPreparation(definition),
  changes?: NetworkChanges,
) {
  const pixels = input('pixels', 'uint8', [BATCH, height, width, 3]);
  const layers = createLayers(source, changes);
  const map = definition.build(prepared(pixels, definition, layers, preparation), layers);
  const after = definition.afterPooling?.(map.shape[3], layers);
  const column = (name: string): Value => {
    const { layer, pooling } = parseColumn(name);
    if (layer === undefined) return pool(map, pooling, after);
    const activation = layers.outputs.get(layer);
    if (!activation) throw unknownLayer(layer, definition, layers.outputs);
    return pool(activation, pooling);
  };
  const weightLayers = layers.weightLayers(map);
  const nodes = layers.layersOf(map);
  if (after) {
    const pooled = after(pool(map, 'avg'));
    weightLayers.push(...layers.weightLayers(pooled));
    nodes.push(...layers.layersOf(pooled));
  }
  return {
    outputs: Object.fromEntries(columns.map((name) => [name, column(name)])),
    layers: weightLayers,
    nodes,
    named: layers.outputs,
    moments: layers.moments,
    map,
  };
}

/** Pixels as the network's own layers take them. */
function prepared(
  pixels: Value,
  { preprocessing, normalize }: BackboneDefinition,
  layers: Layers,
  { affine, corrected }: Preparation,
): Value {
  if (affine) return applyAffine(pixels, affine);
  const image = PREPROCESSING[preprocessing].apply(pixels);
  return normalize ? normalize.apply(image, layers, { corrected }) : image;
}

function unknownLayer(
  layer: string,
  { name }: BackboneDefinition,
  outputs: ReadonlyMap<string, Value>,
): UsageError {
  const near = didYouMean(layer, [...outputs.keys(), LAST_LAYER]);
  const hint = near || ` (permafrost backbones ${name} lists them)`;
  return new UsageError(`${expectedMessage(`a layer of ${name}`, '--layer', layer)}${hint}`);
}

/** How a network with a trained tail differs from the published one: batch-norms may have been inserted. */
function changesOf(tail: TailTensors, isUnfolded: boolean): NetworkChanges {
  const layers = new Set([...tail.keys()].map((name) => name.slice(0, name.lastIndexOf('/'))));
  return {
    ...(isUnfolded && { isTrained: (layer) => layers.has(layer) }),
    insertedBatchNorm: {
      isBehind: (convolution) => layers.has(insertedName(convolution)),
      source: replacedSource(freshBatchNorm, tail),
    },
  };
}

function columnsOf(outputs: Record<string, Value>): Column[] {
  return Object.entries(outputs).map(([name, { shape }]) => ({ name, dimension: shape[1] }));
}
