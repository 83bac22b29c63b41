/** Finds the weights that `--weights` asks for and opens them for a backbone. */

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError, UsageError, usage } from '../errors.ts';
import { type Shape, sameShape } from '../graph/value.ts';
import type { Size } from '../images/resize.ts';
import type { Reporter } from '../reporter.ts';
import { fetchPinnedModel } from '../weights/hub/fetch.ts';
import { isHubReference } from '../weights/hub/reference.ts';
import { fetchPublished } from '../weights/published.ts';
import { openSafetensors } from '../weights/safetensors.ts';
import { seededSource } from '../weights/seeded.ts';
import type { LayerWeights, WeightSource } from '../weights/source.ts';
import { openTfjsWeights } from '../weights/tfjs-layers.ts';
import type { BackboneDefinition } from './backbone.ts';
import { prepareByNumbers } from './configuration/listed.ts';
import { type Preparation, publishedPreparation } from './configuration/prepare.ts';
import { findBackbone } from './registry.ts';

/** The seed of `--weights none`. */
const NONE_SEED = 0;

/** The package's folder of shipped weights, the same from src/ and from dist/. */
const MODELS = fileURLToPath(new URL('../../../models/', import.meta.url));

export interface OpenWeights {
  source: WeightSource;
  /** How pixels are prepared for the network that these weights are of. */
  preparation: Preparation;
  close: () => void | Promise<void>;
}

export interface WeightsRequest {
  definition: BackboneDefinition;
  size: Size;
  /** Whether nobody chose the size. */
  isDefaultSize: boolean;
  /** imagenet, none or a file. */
  weights: string;
  /** What the backbone needs, in Keras's order. */
  layers: readonly LayerWeights[];
  /** Told of an HDF5 file before it is opened or an array is read, and of none once that is done: of damage it may never be. */
  opening?(file: string | undefined): void;
  /** Told what was assumed of a file that does not say it. */
  note?(message: string): void;
}

/**
 * Opens weights by name, or a file by its extension.
 * @throws UsageError for no such file, InputError for one that is damaged or of another network
 */
export async function openWeights(request: WeightsRequest): Promise<OpenWeights> {
  const { definition, weights, size } = request;
  const preparation = publishedPreparation(definition);
  if (weights === 'none') return { source: seededSource(NONE_SEED), preparation, close: () => {} };
  if (weights !== 'imagenet') {
    const found = statSync(weights, { throwIfNoEntry: false });
    if (found?.isFile()) return openFile(weights, request);
    if (!found && /[./\\]/.test(weights)) throw new UsageError(`No such file: ${weights} (--weights)`);
    if (found) throw new UsageError(`--weights ${weights} is a folder: name one of its files`);
    throw usage('imagenet, none or a .h5, .keras, .safetensors or model.json file', '--weights', weights);
  }
  const imagenet = definition.imagenet(size);
  if ('shipped' in imagenet) return openFile(join(MODELS, imagenet.shipped), request);
  return openFile(await fetchPublished(imagenet), request, true);
}

/**
 * Makes sure that weights from the network are on this machine, with the messages and progress that opening them cannot give.
 * @throws InputError when they cannot be downloaded
 */
export async function fetchWeights(
  { name, size, weights }: { name: string; size?: Size; weights: string },
  options: { signal?: AbortSignal; reporter?: Reporter },
): Promise<void> {
  if (isHubReference(weights)) return fetchPinnedModel(weights, options);
  if (weights !== 'imagenet') return;
  const definition = findBackbone(name);
  const imagenet = definition.imagenet(size ?? { width: definition.size, height: definition.size });
  if (!('shipped' in imagenet)) await fetchPublished(imagenet, options);
}

async function openFile(path: string, request: WeightsRequest, isPublished = false): Promise<OpenWeights> {
  const { definition, layers, note = () => {} } = request;
  const { name: backbone, olderLayerName } = definition;
  const byNames = (opened: Omit<OpenWeights, 'preparation'>): OpenWeights => {
    const { source } = opened;
    if (!definition.normalize) return { ...opened, preparation: publishedPreparation(definition) };
    try {
      return { ...opened, preparation: prepareByNumbers({ definition, path, source, note }) };
    } catch (thrown) {
      void opened.close();
      throw thrown;
    }
  };
  if (path.endsWith('.safetensors')) return byNames(openOwnFormat(path, backbone));
  if (path.endsWith('.json'))
    return byNames(await openTfjsWeights({ path, backbone, layers, olderLayerName }));
  const published = async (): Promise<boolean> => isPublished || isPublishedFile(path, request);
  // Loaded on demand: h5wasm takes a while and memory that the shipped weights do not need.
  const { openKerasNetwork } = await import('./configuration/open-keras.ts');
  const keras = { ...request, path, isPublished: published, note };
  if (!path.endsWith('.keras')) return openKerasNetwork(keras);
  const { unpackKerasWeights } = await import('../weights/keras-archive.ts');
  const { file, config, remove } = await unpackKerasWeights(path);
  try {
    const opened = await openKerasNetwork({ ...keras, file, config });
    return {
      ...opened,
      close: () => {
        void opened.close();
        return remove();
      },
    };
  } catch (thrown) {
    await remove();
    throw thrown;
  }
}

/** Whether a file that was given is Keras's own. */
async function isPublishedFile(path: string, { definition, size }: WeightsRequest): Promise<boolean> {
  const imagenet = definition.imagenet(size);
  if ('shipped' in imagenet || !imagenet.hash) return false;
  const { matches } = await import('../weights/download.ts');
  return matches(path, imagenet.hash);
}

/** A safetensors file with the arrays `layer/weight`, in Keras's shapes. */
function openOwnFormat(path: string, backbone: string): Omit<OpenWeights, 'preparation'> {
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
