/** Keras weight files of HDF5. */
import { Dataset } from 'h5wasm/node';
import { InputError } from '../errors.ts';
import { closeQuietly, guarded, openHdf5 } from './hdf5.ts';
import { type KerasModel, parseKerasConfig } from './keras-config.ts';
import { savedLayers } from './keras-layers.ts';
import { type LayerPlace, layerAt, type MatchOptions, matchLayers, type SavedLayer } from './match-layers.ts';
import type { WeightSource } from './source.ts';

/** A Keras file that is open. */
export interface KerasFile {
  /** All its layers, those without weights too where it lists them. */
  readonly layers: readonly SavedLayer[];
  /** What a whole model is made of, if the file has that. */
  readonly model: KerasModel | undefined;
  /** Finds the layers of a backbone, as matchLayers does. */
  weights(options: Omit<MatchOptions, 'path'>): WeightSource;
  /** The first arrays of one layer. */
  arrays(place: LayerPlace, count: number): Float32Array[];
  close(): void;
}

/**
 * Opens a file and lists its layers.
 * @param file where its HDF5 content is, if not at `path` itself
 * @throws InputError that names the file and what is damaged
 */
export async function openKerasFile(path: string, file?: string): Promise<KerasFile> {
  const opened = await openHdf5(path, file);
  const read = (found: string): Float32Array =>
    readArray(
      guarded(path, () => readValue(opened.get(found))),
      `${found} of ${path}`,
    );
  try {
    const saved = guarded(path, () => savedLayers(opened, path));
    const config = guarded(path, () => opened.attrs.model_config?.value);
    return {
      layers: saved,
      model: typeof config === 'string' ? parseKerasConfig(config, path) : undefined,
      weights(options) {
        const matched = matchLayers(saved, { ...options, path });
        const positions = new Map(
          options.layers.map(({ layer, weights }) => [layer, weights.map(({ name }) => name)]),
        );
        return (layer, weight) => {
          const index = positions.get(layer)?.indexOf(weight) ?? -1;
          const found = matched.get(layer)?.weights[index];
          if (!found) throw new Error(`${layer}/${weight} was not requested when ${path} was opened`);
          return read(found.path);
        };
      },
      arrays(place, count) {
        const layer = layerAt(saved, place);
        if (!layer)
          throw new InputError(
            `Expected weights of the layer ${place.names.join('/')} in ${path} but found none`,
          );
        return layer.weights.slice(0, count).map((weight) => read(weight.path));
      },
      close: () => closeQuietly(opened),
    };
  } catch (thrown) {
    closeQuietly(opened);
    throw thrown;
  }
}

function readValue(dataset: unknown): unknown {
  return dataset instanceof Dataset ? dataset.value : undefined;
}

function readArray(value: unknown, where: string): Float32Array {
  if (value instanceof Float32Array) return value;
  if (value instanceof Float64Array) return Float32Array.from(value);
  throw new InputError(`Expected numbers of 32 or 64 bits for ${where} but found another type`);
}
