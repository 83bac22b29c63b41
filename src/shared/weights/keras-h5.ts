/** Keras weight files of HDF5. */
import { Dataset } from 'h5wasm/node';
import { InputError } from '../errors.ts';
import { closeQuietly, guarded, openHdf5 } from './hdf5.ts';
import { savedLayers } from './keras-layers.ts';
import { type MatchOptions, matchLayers } from './match-layers.ts';
import type { WeightSource } from './source.ts';

export interface KerasWeightsOptions extends MatchOptions {
  /** Where its HDF5 content is, if not at `path` itself. */
  file?: string;
}

/**
 * Opens a file for a backbone, whose layers are found as matchLayers does.
 * Throws an InputError that says which layer and shape were expected and what was found.
 */
export async function openKerasWeights(
  options: KerasWeightsOptions,
): Promise<{ source: WeightSource; close: () => void }> {
  const { path, layers } = options;
  const file = await openHdf5(path, options.file);
  try {
    const saved = guarded(path, () => savedLayers(file, path));
    const matched = matchLayers(saved, options);
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

function readValue(dataset: unknown): unknown {
  return dataset instanceof Dataset ? dataset.value : undefined;
}

function readArray(value: unknown, where: string): Float32Array {
  if (value instanceof Float32Array) return value;
  if (value instanceof Float64Array) return Float32Array.from(value);
  throw new InputError(`Expected numbers of 32 or 64 bits for ${where} but found another type`);
}
