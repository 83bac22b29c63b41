/** Configurations as Keras saves them (golden/, by make_goldens.py), and files with them. */
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { gunzipSync } from 'node:zlib';
import h5wasm, { type Group } from 'h5wasm/node';
import { describeBackbone } from '../../src/shared/backbones/load.ts';
import { seededSource } from '../../src/shared/weights/seeded.ts';

export interface SavedModel {
  backbone: string;
  choice: string;
  config: object;
  /** Keras's features of two photos, where they are compared. */
  features?: number[][];
}

export function savedModels(keras: 'keras2' | 'keras3'): SavedModel[] {
  return JSON.parse(
    gunzipSync(
      readFileSync(new URL(`../shared/backbones/configurations/golden/${keras}.json.gz`, import.meta.url)),
    ).toString(),
  );
}

type Numbers = Readonly<Record<string, readonly number[]>>;

export interface FileOptions {
  path: string;
  backbone: string;
  /** The whole model's configuration; none: a file of weights. */
  config?: object;
  /** The model within the model that the network is. */
  group?: string;
  /** Arrays by `layer/weight` in place of seeded ones, of layers in front too. */
  numbers?: Numbers;
  /** Layers without weights that the file lists. */
  listed?: readonly string[];
}

/** Writes an .h5 file of a backbone with the numbers of `--weights none`, as Keras 3 does. */
export async function writeKerasFile(options: FileOptions): Promise<void> {
  const { path, backbone, config, group, numbers = {}, listed = [] } = options;
  await h5wasm.ready;
  const source = seededSource(0);
  const { layers } = describeBackbone({ name: backbone, poolings: [] });
  const file = new h5wasm.File(path, 'w');
  if (config) file.create_attribute('model_config', JSON.stringify(config));
  const root = config ? (file.create_group('model_weights') as Group) : file;
  const own = layers.map(({ layer, weights }) => ({
    layer,
    arrays: weights.map(({ name, shape }) => ({
      name: `${layer}/${name}`,
      shape,
      data: Float32Array.from(numbers[`${layer}/${name}`] ?? source(layer, name, shape)),
    })),
  }));
  const others = Object.entries(numbers).filter(
    ([name]) => !layers.some(({ layer }) => name.startsWith(`${layer}/`)),
  );
  type Arrays = { name: string; shape: readonly number[]; data: Float32Array }[];
  const front = new Map<string, Arrays>();
  for (const [name, data] of others) {
    const layer = dirname(name);
    front.set(layer, [
      ...(front.get(layer) ?? []),
      { name, shape: [data.length], data: Float32Array.from(data) },
    ]);
  }
  const groups = new Map<string, Arrays>([
    ...listed.map((layer): [string, Arrays] => [layer, []]),
    ...front,
    ...(group
      ? [[group, own.flatMap(({ arrays }) => arrays)] as const]
      : own.map(({ layer, arrays }) => [layer, arrays] as const)),
  ]);
  root.create_attribute('layer_names', [...groups.keys()]);
  for (const [name, arrays] of groups) {
    const made = root.create_group(name) as Group;
    if (arrays.length === 0) continue;
    made.create_attribute(
      'weight_names',
      arrays.map((array) => array.name),
    );
    for (const owner of new Set(arrays.map((array) => dirname(array.name)))) made.create_group(owner);
    for (const { name: array, data, shape } of arrays)
      made.create_dataset({ name: array, data, shape: [...shape] });
  }
  file.close();
}
