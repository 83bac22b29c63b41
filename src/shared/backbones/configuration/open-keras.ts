/** Opens a Keras file for a backbone: its weights, and how pixels are prepared for them. */
import { InputError } from '../../errors.ts';
import type { Size } from '../../images/resize.ts';
import { type KerasModel, parseKerasConfig } from '../../weights/keras-config.ts';
import { type KerasFile, openKerasFile } from '../../weights/keras-h5.ts';
import type { LayerPlace } from '../../weights/match-layers.ts';
import type { LayerWeights, WeightSource } from '../../weights/source.ts';
import type { BackboneDefinition } from '../backbone.ts';
import { findNetwork } from './find.ts';
import { asTriple, type Front } from './front.ts';
import { prepareListed } from './listed.ts';
import { type Preparation, prepareFront, publishedPreparation } from './prepare.ts';

export interface KerasNetworkRequest {
  definition: BackboneDefinition;
  size: Size;
  /** Whether nobody chose the size. */
  isDefaultSize: boolean;
  layers: readonly LayerWeights[];
  path: string;
  /** Where its HDF5 content is, if not at `path` itself. */
  file?: string;
  /** Its configuration, if that is no part of the HDF5 content. */
  config?: string;
  /** Whether it is the file that Keras publishes. */
  isPublished(): Promise<boolean>;
  /** Told of the file before the HDF5 library reads it, and of none once that is done. */
  opening?(file: string | undefined): void;
  note(message: string): void;
}

export interface KerasNetwork {
  source: WeightSource;
  preparation: Preparation;
  close(): void;
}

/** @throws InputError or UsageError for a file of another network, of several, or that leaves open what it computes */
export async function openKerasNetwork(request: KerasNetworkRequest): Promise<KerasNetwork> {
  const { path, file, config, opening } = request;
  opening?.(path);
  const keras = watched(await openKerasFile(path, file), request);
  opening?.(undefined);
  try {
    const model = config === undefined ? keras.model : parseKerasConfig(config, path);
    if (model) return { ...configured(model, keras, request), close: keras.close };
    return { ...(await listed(keras, request)), close: keras.close };
  } catch (thrown) {
    keras.close();
    throw thrown;
  }
}

/** Without a configuration: what a file of weights leaves open is said, unless it is the published one. */
async function listed(keras: KerasFile, request: KerasNetworkRequest): Promise<Omit<KerasNetwork, 'close'>> {
  const { definition, path, layers, note } = request;
  const { name: backbone, olderLayerName } = definition;
  const source = keras.weights({ backbone, layers, olderLayerName });
  if (await request.isPublished()) return { source, preparation: publishedPreparation(definition) };
  const preparation = prepareListed({ ...request, layers: keras.layers, source });
  note(
    `${path} has weights only: they are treated as those of ${backbone} as Keras Applications builds it, with pixels prepared as published (a whole model, as model.save writes it, says how it was built)`,
  );
  return { source, preparation };
}

/** The file, telling whenever the HDF5 library is at work. */
function watched(keras: KerasFile, { path, opening }: KerasNetworkRequest): KerasFile {
  const told = <T>(read: () => T): T => {
    opening?.(path);
    const result = read();
    opening?.(undefined);
    return result;
  };
  return {
    ...keras,
    arrays: (place, count) => told(() => keras.arrays(place, count)),
    weights(options) {
      const source = keras.weights(options);
      return (layer, weight, shape) => told(() => source(layer, weight, shape));
    },
  };
}

function configured(
  model: KerasModel,
  keras: KerasFile,
  request: KerasNetworkRequest,
): Omit<KerasNetwork, 'close'> {
  const { definition, path, layers, size, note } = request;
  const { places, front, built, place } = findNetwork(model, request);
  const normalization = (names: readonly string[]) => {
    const [mean, variance] = keras.arrays(place(names), 2).map((array) => asTriple([...array]));
    if (mean && variance) return { mean, variance };
    throw new InputError(
      `Expected a mean and a variance of three colours in the layer ${names.join('/')} of ${path}`,
    );
  };
  const preparation = prepareFront({ ...request, front, normalization });
  const needed = preparation.affine ? places : withNormalization(places, front, place);
  const width = built.width ?? size.width;
  const height = built.height ?? size.height;
  if (request.isDefaultSize && !front.resized && (width !== size.width || height !== size.height)) {
    note(
      `${path} was built for images of ${width}x${height}; features are those of ${size.width}x${size.height} (--size ${width}x${height} for its own)`,
    );
  }
  return { source: keras.weights({ backbone: definition.name, layers, places: needed }), preparation };
}

/** The places with that of the normalization in front, which is one of EfficientNet's own layers. */
function withNormalization(
  places: ReadonlyMap<string, LayerPlace>,
  front: Front,
  place: (names: readonly string[]) => LayerPlace,
): ReadonlyMap<string, LayerPlace> {
  const saved = front.steps.find((step) => step.kind === 'normalization');
  return saved ? new Map([...places, ['normalization', place(saved.path)]]) : places;
}
