/** Finds the weights that `--weights` asks for and opens them for a backbone. */

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Reporter } from '../cli/terminal.ts';
import { InputError, UsageError, usage } from '../errors.ts';
import { type Shape, sameShape } from '../graph/value.ts';
import type { Size } from '../images/resize.ts';
import { fetchPublished } from '../weights/published.ts';
import { openSafetensors } from '../weights/safetensors.ts';
import { seededSource } from '../weights/seeded.ts';
import type { LayerWeights, WeightSource } from '../weights/source.ts';
import { openTfjsWeights } from '../weights/tfjs-layers.ts';
import type { BackboneDefinition } from './backbone.ts';
import { findBackbone } from './registry.ts';

/** The seed of `--weights none`. */
const NONE_SEED = 0;

/** The package's folder of shipped weights, the same from src/ and from dist/. */
const MODELS = fileURLToPath(new URL('../../../models/', import.meta.url));

export interface OpenWeights {
  source: WeightSource;
  close: () => void | Promise<void>;
}

export interface WeightsRequest {
  definition: BackboneDefinition;
  size: Size;
  /** imagenet, none or a file. */
  weights: string;
  /** What the backbone needs, in Keras's order. */
  layers: readonly LayerWeights[];
  /** Told of an HDF5 file before it is opened or an array is read, and of none once that is done: of damage it may never be. */
  opening?(file: string | undefined): void;
}

/**
 * Opens weights by name, or a file by its extension.
 * @throws UsageError for no such file, InputError for one that is damaged or of another network
 */
export async function openWeights(request: WeightsRequest): Promise<OpenWeights> {
  const { definition, weights, size } = request;
  if (weights === 'none') return { source: seededSource(NONE_SEED), close: () => {} };
  if (weights !== 'imagenet') {
    const found = statSync(weights, { throwIfNoEntry: false });
    if (found?.isFile()) return openFile(weights, request);
    if (!found && /[./\\]/.test(weights)) throw new UsageError(`No such file: ${weights} (--weights)`);
    if (found) throw new UsageError(`--weights ${weights} is a folder: name one of its files`);
    throw usage('imagenet, none or a .h5, .keras, .safetensors or model.json file', '--weights', weights);
  }
  const imagenet = definition.imagenet(size);
  if ('shipped' in imagenet) return openFile(join(MODELS, imagenet.shipped), request);
  return openFile(await fetchPublished(imagenet), request);
}

/**
 * Makes sure that published weights are on this machine, with the messages and progress that opening them cannot give.
 * @throws InputError when they cannot be downloaded
 */
export async function fetchWeights(
  { name, size, weights }: { name: string; size?: Size; weights: string },
  options: { signal?: AbortSignal; reporter?: Reporter },
): Promise<void> {
  if (weights !== 'imagenet') return;
  const definition = findBackbone(name);
  const imagenet = definition.imagenet(size ?? { width: definition.size, height: definition.size });
  if (!('shipped' in imagenet)) await fetchPublished(imagenet, options);
}

async function openFile(path: string, { definition, layers, opening }: WeightsRequest): Promise<OpenWeights> {
  const { name: backbone, olderLayerName } = definition;
  if (path.endsWith('.safetensors')) return openOwnFormat(path, backbone);
  if (path.endsWith('.json')) return openTfjsWeights({ path, backbone, layers, olderLayerName });
  // Loaded on demand: h5wasm takes a while and memory that the shipped weights do not need.
  const { openKerasWeights } = await import('../weights/keras-h5.ts');
  const request = { path, backbone, layers, olderLayerName };
  const watched = async (file?: string): Promise<OpenWeights> => {
    opening?.(path);
    const { source, close } = await openKerasWeights({ ...request, file });
    opening?.(undefined);
    const watchedSource: WeightSource = (layer, weight, shape) => {
      opening?.(path);
      const array = source(layer, weight, shape);
      opening?.(undefined);
      return array;
    };
    return { source: watchedSource, close };
  };
  if (!path.endsWith('.keras')) return watched();
  const { unpackKerasWeights } = await import('../weights/keras-archive.ts');
  const { file, remove } = await unpackKerasWeights(path);
  try {
    const { source, close } = await watched(file);
    return {
      source,
      close: () => {
        close();
        return remove();
      },
    };
  } catch (thrown) {
    await remove();
    throw thrown;
  }
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
