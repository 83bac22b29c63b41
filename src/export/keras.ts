/** `.keras` files: a zip archive of the layers' configuration and their weights, as Keras 3 saves models. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import h5wasm, { Dataset, File } from 'h5wasm/node';
import { openPromise } from 'yauzl';
import { ZipFile } from 'yazl';
import { kerasOrder, type LayerNode } from '../shared/backbones/keras-order.ts';
import { InputError } from '../shared/errors.ts';
import { asList, asObject, asText, parseJson } from '../shared/fields.ts';
import { closeQuietly, openHdf5 } from '../shared/weights/hdf5.ts';
import { unpackKerasWeights } from '../shared/weights/keras-archive.ts';
import type { Tensor } from '../shared/weights/safetensors.ts';
import type { ModelLayer } from './head-layers.ts';

/** The version whose files these are like. */
const KERAS_VERSION = '3.15.1';
/** A fixed time makes the same head the same file. */
const WRITTEN = new Date('2020-01-01T00:00:00Z');

/**
 * The bytes of a functional model; `permafrost.json` inside says what its outputs mean.
 * @param given each after those that feed it; the last is the output
 */
export async function encodeKeras(
  given: readonly ModelLayer[],
  { name, meaning }: { name: string; meaning: object },
): Promise<Uint8Array> {
  const layers = ordered(given);
  const zip = new ZipFile();
  const add = (name: string, content: string | Buffer): void =>
    zip.addBuffer(Buffer.from(content), name, { mtime: WRITTEN, compress: false });
  add('metadata.json', JSON.stringify({ keras_version: KERAS_VERSION, date_saved: '2020-01-01@00:00:00' }));
  add('config.json', JSON.stringify(modelConfig(layers, name)));
  add('permafrost.json', JSON.stringify(meaning, null, 2));
  add('model.weights.h5', await weightsFile(layers));
  zip.end();
  return buffer(zip.outputStream);
}

/** As Keras lists them, which decides how it numbers them in the file of weights. */
function ordered(layers: readonly ModelLayer[]): ModelLayer[] {
  const nodes = new Map<string, LayerNode>();
  for (const { name, kind, inputs } of layers)
    nodes.set(name, { layer: name, kind, weights: [], inputs: inputs.map((input) => nodes.get(input)!) });
  const byName = new Map(layers.map((layer) => [layer.name, layer]));
  return kerasOrder(nodes.get(layers.at(-1)!.name)!).map(({ layer }) => byName.get(layer)!);
}

function modelConfig(layers: readonly ModelLayer[], name: string): object {
  return {
    module: 'keras.src.models.functional',
    class_name: 'Functional',
    registered_name: 'Functional',
    config: {
      name,
      trainable: true,
      layers: layers.map(layerConfig),
      input_layers: [layers[0].name, 0, 0],
      output_layers: [layers.at(-1)!.name, 0, 0],
    },
  };
}

/** Functions that Keras saves as layers of their own kind, by where it finds them. */
const FUNCTIONS: Readonly<Record<string, string>> = {
  Erf: 'keras.src.ops.math',
  Exp: 'keras.src.ops.numpy',
  Log: 'keras.src.ops.numpy',
  Sqrt: 'keras.src.ops.numpy',
};

function layerConfig({ kind, name, config, inputs }: ModelLayer): object {
  const tensors = inputs.map((from) => ({
    class_name: '__keras_tensor__',
    config: { shape: [null, null], dtype: 'float32', keras_history: [from, 0, 0] },
  }));
  return {
    ...(kind in FUNCTIONS
      ? { module: FUNCTIONS[kind], class_name: kind, registered_name: kind, config: { name } }
      : {
          module: 'keras.layers',
          class_name: kind,
          registered_name: null,
          config: { name, dtype: 'float32', ...withoutOlderNames(config) },
        }),
    name,
    inbound_nodes:
      inputs.length === 0 ? [] : [{ args: [tensors.length > 1 ? tensors : tensors[0]], kwargs: {} }],
  };
}

/** Keras 3 refuses a leaky slope's older name, which TensorFlow.js knows it by. */
function withoutOlderNames({ alpha: _, ...config }: ModelLayer['config']): ModelLayer['config'] {
  return config;
}

/** Where Keras looks for each layer's arrays: numbered within each class. */
function weightPaths(layers: readonly { kind: string }[]): string[] {
  const used = new Map<string, number>();
  return layers.map(({ kind }) => {
    // to_snake_case of keras/src/utils/naming.py.
    const name = kind
      .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
      .replace(/([a-z])([A-Z])/g, '$1_$2')
      .toLowerCase();
    const count = used.get(name) ?? 0;
    used.set(name, count + 1);
    return count === 0 ? `layers/${name}` : `layers/${name}_${count}`;
  });
}

async function weightsFile(layers: readonly ModelLayer[]): Promise<Buffer> {
  await h5wasm.ready;
  const folder = await mkdtemp(join(tmpdir(), 'permafrost-'));
  try {
    const path = join(folder, 'model.weights.h5');
    const file = new File(path, 'w');
    file.create_group('layers');
    const weighted = layers.filter(({ kind }) => !(kind in FUNCTIONS));
    for (const [index, group] of weightPaths(weighted).entries()) {
      const { name, weights } = weighted[index];
      file.create_group(group);
      const vars = file.create_group(`${group}/vars`);
      vars.create_attribute('name', name);
      for (const [number, [, { shape, data }]] of weights.entries())
        vars.create_dataset({ name: String(number), data, shape: [...shape] });
    }
    file.close();
    return await readFile(path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const WEIGHT_NAMES: Readonly<Record<string, readonly string[]>> = {
  Dense: ['kernel', 'bias'],
  Conv2D: ['kernel', 'bias'],
  DepthwiseConv2D: ['kernel', 'bias'],
  LayerNormalization: ['gamma', 'beta'],
  BatchNormalization: ['gamma', 'beta', 'moving_mean', 'moving_variance'],
};

/** In the order of a layer's arrays; a batch-norm without a scale has no gamma. */
function weightNames({ kind, config }: Pick<ModelLayer, 'kind' | 'config'>): readonly string[] {
  const names = WEIGHT_NAMES[kind] ?? [];
  return config.scale === false ? names.filter((name) => name !== 'gamma') : names;
}

/** Reads the layers of a file that {@link encodeKeras} made. @throws InputError for one that is damaged */
export async function readKeras(path: string): Promise<ModelLayer[]> {
  const config = asObject(parseJson(await entryText(path, 'config.json'), path), path);
  const entries = asList(asObject(config.config, `config of ${path}`).layers, `layers of ${path}`).map(
    (entry) => asObject(entry, `a layer of ${path}`),
  );
  const described = entries.map((entry) => ({
    kind: asText(entry.class_name, `class_name in ${path}`),
    name: asText(entry.name, `name in ${path}`),
    config: asObject(entry.config, `config in ${path}`),
    inputs: sourcesOf(entry.inbound_nodes),
  }));
  const unpacked = await unpackKerasWeights(path);
  try {
    const file = await openHdf5(path, unpacked.file);
    try {
      return weightPaths(described).map((group, index) => ({
        ...described[index],
        weights: weightNames(described[index]).flatMap((name, number) => {
          const tensor = tensorOf(file, `${group}/vars/${number}`);
          return tensor ? [[name, tensor] as const] : [];
        }),
      }));
    } finally {
      closeQuietly(file);
    }
  } finally {
    await unpacked.remove();
  }
}

function tensorOf(file: File, path: string): Tensor | undefined {
  const found = file.get(path);
  if (!(found instanceof Dataset) || !(found.value instanceof Float32Array)) return undefined;
  return { shape: found.shape ?? [], data: found.value };
}

/** Names of the layers that a node of config.json is fed by. */
function sourcesOf(nodes: unknown): string[] {
  return [...JSON.stringify(nodes).matchAll(/"keras_history":\["([^"]+)",0,0\]/g)].map(([, name]) => name);
}

async function entryText(path: string, name: string): Promise<string> {
  const archive = await openPromise(path, { autoClose: false });
  try {
    for await (const entry of archive.eachEntry())
      if (entry.fileName === name)
        return (await buffer(await archive.openReadStreamPromise(entry))).toString();
  } finally {
    archive.close();
  }
  throw new InputError(`Expected ${name} in ${path} but found none`);
}
