/** From a backbone's name to its graph: pixels in, pooled features out, weights in place. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError, usage } from '../errors.ts';
import { graph, input } from '../graph/build.ts';
import { foldScaleShift } from '../graph/fold.ts';
import { BATCH, type Graph, type Shape, sameShape, type Value } from '../graph/value.ts';
import { openSafetensors } from '../weights/safetensors.ts';
import { seededSource } from '../weights/seeded.ts';
import { blankSource, hashedSource, type LayerWeights, type WeightSource } from '../weights/source.ts';
import type { BackboneDefinition, ImageSize } from './backbone.ts';
import { createLayers } from './layers.ts';
import { pool } from './pooling.ts';
import { PREPROCESSING } from './preprocessing.ts';
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
  size?: ImageSize;
  /** Names of POOLING_NAMES, one column each. */
  poolings: readonly string[];
}

export interface LoadedBackbone {
  /** Input `pixels`, uint8 RGB [batch, height, width, 3]; one float32 output [batch, dimension] per pooling. */
  readonly graph: Graph;
  readonly name: string;
  readonly size: ImageSize;
  /** As asked for: imagenet, none or a file. */
  readonly weights: string;
  /** sha256 over the names, shapes and bytes of the arrays used. */
  readonly weightsHash: string;
  readonly preprocessing: string;
  readonly columns: readonly Column[];
}

/** The seed of `--weights none`. */
const NONE_SEED = 0;

/** The package's folder of shipped weights, the same from src/ and from dist/. */
const MODELS = fileURLToPath(new URL('../../../models/', import.meta.url));

/**
 * Builds a backbone's graph with its weights.
 * @throws UsageError for an unknown name, pooling or weights, or a size below the backbone's smallest;
 *   InputError for a weights file that is damaged or of another network
 */
export async function loadBackbone({
  weights,
  ...options
}: BackboneOptions & { /** imagenet, none or a file */ weights: string }): Promise<LoadedBackbone> {
  const { definition, size } = resolve(options);
  const { layers } = describeBackbone(options);
  const opened = await openWeights(definition, weights, layers);
  try {
    const { source, hash } = hashedSource(opened.source);
    const { outputs } = build(definition, size, source, options.poolings);
    return {
      graph: foldScaleShift(graph(outputs)),
      name: definition.name,
      size,
      weights,
      weightsHash: hash(),
      preprocessing: definition.preprocessing,
      columns: columnsOf(outputs),
    };
  } finally {
    opened.close();
  }
}

/** The columns that a backbone would give, without its weights. Throws UsageErrors as loadBackbone does. */
export function backboneColumns(options: BackboneOptions): Column[] {
  return describeBackbone(options).columns;
}

/** A backbone's columns and its layers with weights in Keras's order, without its weights. */
export function describeBackbone(options: BackboneOptions): { columns: Column[]; layers: LayerWeights[] } {
  const { definition, size } = resolve(options);
  const { outputs, layers } = build(definition, size, blankSource(), options.poolings);
  return { columns: columnsOf(outputs), layers };
}

function resolve({ name, size }: BackboneOptions): { definition: BackboneDefinition; size: ImageSize } {
  const definition = findBackbone(name);
  const { width, height } = size ?? { width: definition.size, height: definition.size };
  const least = definition.minimumSize;
  if (!(width >= least && height >= least)) {
    throw usage(`at least ${least}x${least} with ${definition.name}`, '--size', `${width}x${height}`);
  }
  return { definition, size: { width, height } };
}

function build(
  definition: BackboneDefinition,
  { width, height }: ImageSize,
  source: WeightSource,
  poolings: readonly string[],
): { outputs: Record<string, Value>; layers: LayerWeights[] } {
  const pixels = input('pixels', 'uint8', [BATCH, height, width, 3]);
  const layers = createLayers(source);
  const map = definition.build(PREPROCESSING[definition.preprocessing].apply(pixels), layers);
  const outputs = Object.fromEntries(poolings.map((name) => [name, pool(map, name)]));
  return { outputs, layers: layers.weightLayers(map) };
}

function columnsOf(outputs: Record<string, Value>): Column[] {
  return Object.entries(outputs).map(([name, { shape }]) => ({ name, dimension: shape[1] }));
}

interface OpenWeights {
  source: WeightSource;
  close: () => void;
}

async function openWeights(
  definition: BackboneDefinition,
  weights: string,
  layers: readonly LayerWeights[],
): Promise<OpenWeights> {
  if (weights === 'none') return { source: seededSource(NONE_SEED), close: () => {} };
  if (weights === 'imagenet') return openImagenet(definition);
  if (!existsSync(weights)) {
    throw usage('imagenet, none or an existing .h5 or .safetensors file', '--weights', weights);
  }
  if (weights.endsWith('.safetensors')) return openOwnFormat(weights, definition.name);
  const { name: backbone, olderLayerName } = definition;
  // Loaded on demand: h5wasm takes a while and memory that the shipped weights do not need.
  const { openKerasWeights } = await import('../weights/keras-h5.ts');
  return openKerasWeights({ path: weights, backbone, layers, olderLayerName });
}

function openImagenet({ name, kerasName, imagenet }: BackboneDefinition): OpenWeights {
  if ('shipped' in imagenet) return openOwnFormat(join(MODELS, imagenet.shipped), name);
  throw new InputError(
    `Expected --weights FILE for ${name}, whose ImageNet weights do not come with permafrost: ` +
      `get Keras's ${kerasName} file ${imagenet.file} from ${imagenet.address} and pass --weights ${imagenet.file}`,
  );
}

/** A safetensors file with the arrays `layer/weight`, in Keras's shapes. */
function openOwnFormat(path: string, backbone: string): OpenWeights {
  const file = openSafetensors(path);
  return {
    source(layer, weight, shape) {
      const name = `${layer}/${weight}`;
      const found: Shape | undefined = file.shapes.get(name);
      if (!found || !sameShape(found, shape)) {
        const received = found ? found.join('x') : 'none';
        throw new InputError(
          `Expected ${weight} ${shape.join('x')} for layer ${layer} of ${backbone} but found ${received} in ${path}`,
        );
      }
      return file.read(name);
    },
    close: file.close,
  };
}
