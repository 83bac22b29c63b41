/** TensorFlow.js layers models: model.json with the layers and what weights.bin holds, in Keras 2's configuration. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { asList, asObject, asText, parseJson } from '../shared/fields.ts';
import type { Tensor } from '../shared/weights/safetensors.ts';
import { openTfjsArrays } from '../shared/weights/tfjs-layers.ts';
import type { ModelLayer } from './head-layers.ts';

export const MODEL_FILE = 'model.json';
export const WEIGHTS_FILE = 'weights.bin';

/** Weights that TensorFlow.js calls otherwise than Keras 3. */
const OWN_NAMES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  DepthwiseConv2D: { kernel: 'depthwise_kernel' },
};

/**
 * Files by name; `userDefinedMetadata` of model.json says what the outputs mean.
 * @param layers each after those that feed it; the last is the output
 */
export function encodeTfjs(
  layers: readonly ModelLayer[],
  { name: modelName, meaning }: { name: string; meaning: object },
): Map<string, Uint8Array> {
  const arrays = layers.flatMap(({ kind, name, weights }) =>
    weights.map(([own, tensor]) => [`${name}/${OWN_NAMES[kind]?.[own] ?? own}`, tensor] as const),
  );
  const model = {
    format: 'layers-model',
    generatedBy: 'permafrost',
    convertedBy: null,
    userDefinedMetadata: meaning,
    modelTopology: {
      keras_version: '2.15.0',
      backend: 'tensorflow',
      model_config: {
        class_name: 'Functional',
        config: {
          name: modelName,
          layers: layers.map(({ kind, name, config, inputs }) => ({
            class_name: kind,
            name,
            config: { name, trainable: true, dtype: 'float32', ...config },
            inbound_nodes: inputs.length === 0 ? [] : [inputs.map((from) => [from, 0, 0, {}])],
          })),
          input_layers: [[layers[0].name, 0, 0]],
          output_layers: [[layers.at(-1)!.name, 0, 0]],
        },
      },
    },
    weightsManifest: [
      {
        paths: [WEIGHTS_FILE],
        weights: arrays.map(([name, { shape }]) => ({ name, shape, dtype: 'float32' })),
      },
    ],
  };
  const bytes = Buffer.concat(
    arrays.map(([, { data }]) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  );
  return new Map([
    [MODEL_FILE, Buffer.from(JSON.stringify(model))],
    [WEIGHTS_FILE, bytes],
  ]);
}

/** Reads the layers of a folder that {@link encodeTfjs} filled. @throws InputError for one that is damaged */
export async function readTfjs(folder: string): Promise<ModelLayer[]> {
  const path = join(folder, MODEL_FILE);
  const field = (name: string): string => `${name} of ${path}`;
  const model = asObject(parseJson(await readFile(path, 'utf8'), path), path);
  const topology = asObject(
    asObject(model.modelTopology, field('modelTopology')).model_config,
    field('model_config'),
  );
  const arrays = arraysOf(path);
  return asList(asObject(topology.config, field('config')).layers, field('layers')).map((entry) => {
    const layer = asObject(entry, field('a layer'));
    const name = asText(layer.name, field('name'));
    const nodes = asList(layer.inbound_nodes, field('inbound_nodes'));
    const inputs = nodes.flatMap((node) =>
      asList(node, field('inbound_nodes')).map((from) =>
        asText(asList(from, field('a node'))[0], field('a node')),
      ),
    );
    const prefix = `${name}/`;
    const kind = asText(layer.class_name, field('class_name'));
    const keras = new Map(Object.entries(OWN_NAMES[kind] ?? {}).map(([own, theirs]) => [theirs, own]));
    const weights = [...arrays]
      .filter(([path]) => path.startsWith(prefix))
      .map(([path, tensor]) => {
        const own = path.slice(prefix.length);
        return [keras.get(own) ?? own, tensor] as const;
      });
    return {
      name,
      inputs,
      weights,
      kind,
      config: asObject(layer.config, field('config')),
    };
  });
}

function arraysOf(path: string): Map<string, Tensor> {
  const { shapes, read, close } = openTfjsArrays(path);
  try {
    return new Map([...shapes].map(([name, shape]) => [name, { shape, data: read(name) }]));
  } finally {
    close();
  }
}
