/** Reading Keras's weight files: small files in each of its layouts, written by the test. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import h5wasm, { type File, type Group } from 'h5wasm/node';
import { beforeAll, describe, expect, it } from 'vitest';
import { InputError } from '../../../src/shared/errors.ts';
import { openKerasFile } from '../../../src/shared/weights/keras-h5.ts';
import type { LayerWeights } from '../../../src/shared/weights/source.ts';
import { newFolder } from '../../support/folders.ts';

const folder = newFolder();
const path = join(folder, 'weights.h5');
beforeAll(async () => void (await h5wasm.ready));

/** A network of two convolutions with a batch-norm between them. */
const LAYERS: readonly LayerWeights[] = [
  { layer: 'stem', kind: 'conv2d', weights: [{ name: 'kernel', shape: [3, 5, 3, 4] }] },
  {
    layer: 'stem_bn',
    kind: 'batch_normalization',
    weights: (['gamma', 'beta', 'moving_mean', 'moving_variance'] as const).map((name) => ({
      name,
      shape: [4],
    })),
  },
  {
    layer: 'top',
    kind: 'conv2d',
    weights: [
      { name: 'kernel', shape: [1, 1, 4, 6] },
      { name: 'bias', shape: [6] },
    ],
  },
];

interface Saved {
  name: string;
  weights: { name: string; shape: readonly number[] }[];
}

/** Each array filled with a number of its own: 0 for the first of all, 1 for the second ... */
function arrays() {
  let next = 0;
  return (shape: readonly number[]) => new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(next++);
}

/** The layout of `layer_names` and `weight_names`; a name with a slash makes a group. */
function saveNamed(
  saved: readonly Saved[],
  { inside = '/', attributes = {} as Record<string, string> } = {},
): void {
  const file = new h5wasm.File(path, 'w');
  const root = inside === '/' ? file : (file.create_group(inside) as Group);
  root.create_attribute(
    'layer_names',
    saved.map(({ name }) => name),
  );
  for (const [name, value] of Object.entries(attributes)) root.create_attribute(name, value);
  const filled = arrays();
  for (const { name, weights } of saved) {
    const group = root.create_group(name) as Group;
    if (weights.length > 0) {
      group.create_attribute(
        'weight_names',
        weights.map((weight) => weight.name),
      );
    }
    const made = new Set<string>();
    for (const weight of weights) {
      const owner = weight.name.split('/').slice(0, -1).join('/');
      if (owner && !made.has(owner)) group.create_group(owner);
      made.add(owner);
      group.create_dataset({ name: weight.name, data: filled(weight.shape), shape: [...weight.shape] });
    }
  }
  file.close();
}

/** A group and those around it, made where they are not there. */
function groupAt(file: File, path: string): Group {
  return path
    .split('/')
    .reduce((group: Group, name) => (group.get(name) ?? group.create_group(name)) as Group, file);
}

/** The layout of Keras 3's `.weights.h5`. */
function saveNumbered(
  saved: readonly { key: string; name?: string; shapes: readonly (readonly number[])[] }[],
  containers = ['layers'],
): void {
  const file = new h5wasm.File(path, 'w');
  const filled = arrays();
  for (const container of containers) {
    for (const { key, name, shapes } of saved) {
      const vars = groupAt(file, `${container}/${key}/vars`);
      if (name) vars.create_attribute('name', name);
      shapes.forEach((shape, index) => {
        vars.create_dataset({ name: String(index), data: filled(shape), shape: [...shape] });
      });
    }
  }
  file.close();
}

/** LAYERS as Keras saves them, each renamed. */
function renamed(rename: (layer: string) => string): Saved[] {
  return LAYERS.map(({ layer, weights }) => ({
    name: rename(layer),
    weights: weights.map(({ name, shape }) => ({ name: `${rename(layer)}/${name}:0`, shape })),
  }));
}

const shapes = (index: number) => LAYERS[index].weights.map(({ shape }) => shape);
/** LAYERS as Keras 3 numbers them, with a head. */
const NUMBERED = [
  { key: 'activation', shapes: [] },
  { key: 'batch_normalization', shapes: shapes(1) },
  { key: 'conv2d', shapes: shapes(0) },
  { key: 'conv2d_1', shapes: shapes(2) },
  { key: 'dense', shapes: [[6, 2]] },
];
const NO_WEIGHTS: Saved = { name: 'activation', weights: [] };

/** The number that each array of LAYERS was filled with, in order. */
async function load(olderLayerName?: (layer: string) => string): Promise<number[]> {
  const { weights, close } = await openKerasFile(path);
  try {
    const source = weights({ backbone: 'tiny', layers: LAYERS, olderLayerName });
    return LAYERS.flatMap(({ layer, weights }) =>
      weights.map(({ name, shape }) => {
        const data = source(layer, name, shape);
        expect(data).toHaveLength(shape.reduce((a, b) => a * b, 1));
        return data[0];
      }),
    );
  } finally {
    close();
  }
}

const IN_ORDER = [0, 1, 2, 3, 4, 5, 6];

describe('weights are found', () => {
  it('by name, wherever in the file the layers are', async () => {
    const [stem, bn, top] = renamed((layer) => layer);
    saveNamed([top, NO_WEIGHTS, bn, stem]);
    expect(await load()).toEqual([6, 2, 3, 4, 5, 0, 1]);
  });

  it('by order, for names numbered from anywhere, behind layers without weights and before a top', async () => {
    const dense = { name: 'predictions', weights: [{ name: 'predictions/kernel:0', shape: [6, 9] }] };
    const names = new Map([
      ['stem', 'conv2d_95'],
      ['stem_bn', 'batch_normalization_95'],
      ['top', 'conv2d_96'],
    ]);
    saveNamed([NO_WEIGHTS, ...renamed((layer) => names.get(layer) ?? layer), dense]);
    expect(await load()).toEqual(IN_ORDER);
  });

  it('by the names of Keras 1, without slashes', async () => {
    saveNamed([
      { name: 'convolution2d_1', weights: [{ name: 'convolution2d_1_W', shape: shapes(0)[0] }] },
      {
        name: 'batchnormalization_1',
        weights: ['gamma', 'beta', 'running_mean', 'running_std'].map((part) => ({
          name: `batchnormalization_1_${part}`,
          shape: [4],
        })),
      },
      {
        name: 'convolution2d_2',
        weights: [
          { name: 'convolution2d_2_W', shape: shapes(2)[0] },
          { name: 'convolution2d_2_b', shape: shapes(2)[1] },
        ],
      },
    ]);
    expect(await load()).toEqual(IN_ORDER);
  });

  it("by the network's older names", async () => {
    saveNamed(renamed((layer) => `old_${layer}`).reverse());
    expect(await load((layer) => `old_${layer}`)).toEqual([6, 2, 3, 4, 5, 0, 1]);
  });

  it('in a whole saved model', async () => {
    saveNamed(
      renamed((layer) => layer),
      { inside: 'model_weights' },
    );
    expect(await load()).toEqual(IN_ORDER);
  });

  it('in a model that is a layer of another one', async () => {
    const trainableFirst = renamed((layer) => layer).flatMap(({ weights }) => weights);
    const nested = { name: 'tiny', weights: trainableFirst };
    saveNamed([nested, { name: 'head', weights: [{ name: 'head/kernel:0', shape: [6, 2] }] }]);
    expect(await load()).toEqual(IN_ORDER);
  });

  it('in names spread over several attributes', async () => {
    saveNamed(renamed((layer) => layer));
    const file = new h5wasm.File(path, 'a');
    file.delete_attribute('layer_names');
    file.create_attribute('layer_names0', ['stem']);
    file.create_attribute('layer_names1', ['stem_bn', 'top']);
    file.close();
    expect(await load()).toEqual(IN_ORDER);
  });

  it('in a .weights.h5 file, by the names it records', async () => {
    saveNumbered([
      { key: 'conv2d', name: 'top', shapes: shapes(2) },
      { key: 'conv2d_1', name: 'stem', shapes: shapes(0) },
      { key: 'batch_normalization', name: 'stem_bn', shapes: shapes(1) },
    ]);
    expect(await load()).toEqual([2, 3, 4, 5, 6, 0, 1]);
  });

  it('in a .weights.h5 file without names, by the order within each class', async () => {
    saveNumbered(NUMBERED);
    expect(await load()).toEqual([4, 0, 1, 2, 3, 5, 6]);
  });
});

describe('a file that does not fit is refused', () => {
  const refused = async (message: string) => {
    await expect(load()).rejects.toThrow(InputError);
    await expect(load()).rejects.toThrow(message);
  };

  it('of weights alone, with what to save instead', async () => {
    saveNumbered(NUMBERED.map(({ shapes, ...saved }) => ({ ...saved, shapes: shapes.slice(0, 1) })));
    await refused('save the whole model (model.save("NAME.keras"))');
  });

  it('with the layer, the expected and the found shape', async () => {
    const [stem, ...others] = renamed((layer) => layer);
    saveNamed([{ name: 'stem', weights: [{ ...stem.weights[0], shape: [7, 7, 3, 4] }] }, ...others]);
    await refused(
      `Expected kernel 3x5x3x4 for layer stem of tiny but found 7x7x3x4 in layer stem of ${path}`,
    );
  });

  it('by order, too', async () => {
    saveNamed([{ name: 'conv1', weights: [{ name: 'conv1/kernel:0', shape: [7, 7, 3, 64] }] }]);
    await refused('Expected kernel 3x5x3x4 for layer stem of tiny but found 7x7x3x64 in layer conv1 of');
  });

  it('when a batch-norm has other weights', async () => {
    const [stem, bn, top] = renamed((layer) => layer);
    saveNamed([stem, { ...bn, weights: bn.weights.slice(1) }, top]);
    await refused('for layer stem_bn of tiny but found 4, 4, 4 in layer stem_bn');
  });

  it('when layers are missing at its end', async () => {
    saveNamed(renamed((layer) => `other_${layer}`).slice(0, 2));
    await refused('Expected the 3 layers with weights of tiny');
  });

  it('when a deeper network has all names and more', async () => {
    const [stem, bn, top] = renamed((layer) => layer);
    const extra = { name: 'middle', weights: [{ name: 'middle/kernel:0', shape: [1, 1, 4, 4] }] };
    saveNamed([stem, bn, extra, top]);
    await refused('found the layer middle, which it does not have');
  });

  it('when its kernels are in the order of Theano', async () => {
    const [stem, ...others] = renamed((layer) => layer);
    saveNamed([{ name: 'stem', weights: [{ ...stem.weights[0], shape: [4, 3, 3, 5] }] }, ...others]);
    await refused('kernels in the order of Theano; get the tf_dim_ordering file');
  });

  it('when Theano wrote it', async () => {
    saveNamed(
      renamed((layer) => layer),
      { attributes: { backend: 'theano' } },
    );
    await refused("found Theano's, whose kernels are flipped");
  });

  it('when an array it lists is not there', async () => {
    saveNamed(renamed((layer) => layer));
    const file = new h5wasm.File(path, 'a');
    (file.get('top') as Group).delete_attribute('weight_names');
    (file.get('top') as Group).create_attribute('weight_names', ['top/kernel:0', 'top/elsewhere:0']);
    file.close();
    await refused('Expected an array top/top/elsewhere:0');
  });

  it('when it holds whole numbers', async () => {
    saveNamed(renamed((layer) => layer));
    const file = new h5wasm.File(path, 'a');
    (file.get('top/top') as Group).create_dataset({ name: 'whole', data: new Int32Array(6), shape: [6] });
    (file.get('top') as Group).delete_attribute('weight_names');
    (file.get('top') as Group).create_attribute('weight_names', ['top/kernel:0', 'top/whole']);
    file.close();
    await refused('Expected numbers of 32 or 64 bits for /top/top/whole');
  });

  it('when it has no layers', async () => {
    new h5wasm.File(path, 'w').close();
    await refused('found an HDF5 file without layers');
  });
});

describe('a file of two networks is refused, and both are named', () => {
  const refused = async (names: string) => {
    await expect(load()).rejects.toThrow(InputError);
    await expect(load()).rejects.toThrow(
      `Expected one tiny in ${path} but found two, ${names}: save the one`,
    );
  };
  const nested = (name: string): Saved => ({
    name,
    weights: renamed((layer) => layer).flatMap(({ weights }) => weights),
  });

  it('as models within a model', async () => {
    saveNamed([nested('first'), nested('second')]);
    await refused('first and second');
  });

  it('one of them not a model of its own', async () => {
    saveNamed([...renamed((layer) => layer), nested('second')]);
    await refused('second and that of the layer stem');
  });

  it('one behind the other', async () => {
    saveNamed([...renamed((layer) => layer), ...renamed((layer) => `${layer}_1`)]);
    await refused('that of the layer stem and that of the layer stem_1');
  });

  it('in a .weights.h5 file', async () => {
    saveNumbered(NUMBERED, ['layers/functional/layers', 'layers/functional_1/layers']);
    await refused('functional and functional_1');
  });

  it('but not one network beside another one', async () => {
    const other = {
      name: 'other',
      weights: [
        { name: 'a/kernel:0', shape: [1, 1, 3, 3] },
        { name: 'b/bias:0', shape: [9] },
      ],
    };
    saveNamed([other, nested('first')]);
    expect(await load()).toEqual(IN_ORDER.map((number) => number + 2));
    saveNumbered(NUMBERED, ['layers/functional/layers']);
    expect(await load()).toEqual([4, 0, 1, 2, 3, 5, 6]);
  });
});

describe('an invalid file is refused', () => {
  const refused = async (bytes: Uint8Array, message: RegExp) => {
    writeFileSync(path, bytes);
    await expect(load()).rejects.toThrow(InputError);
    await expect(load()).rejects.toThrow(message);
  };

  it('when it is cut short anywhere', async () => {
    saveNamed(renamed((layer) => layer));
    const whole = readFileSync(path);
    for (const length of [60, 1000, whole.length >> 1, whole.length - 1]) {
      await refused(whole.subarray(0, length), /the file is cut short/);
    }
    await refused(whole.subarray(0, 20), /its first block is damaged/);
  });

  it('when it is empty, text or a zip archive', async () => {
    await refused(Buffer.alloc(0), /Expected an HDF5 file .* received "an empty file"/);
    await refused(
      Buffer.from('<html>Not found</html>'.repeat(9)),
      /Expected an HDF5 file .* received "other content"/,
    );
    await refused(
      Buffer.from('PK\x03\x04'.repeat(20)),
      /received "a zip archive \(is it a \.keras file\?\)"/,
    );
  });

  it('when a group of its own is overwritten', async () => {
    saveNamed(renamed((layer) => layer));
    const bytes = readFileSync(path);
    bytes.fill(0xff, 96, 200);
    await refused(bytes, /Expected a readable HDF5 file at .*, but it is damaged/);
  });

  it('when it is not there', async () => {
    rmSync(path, { force: true });
    await expect(load()).rejects.toThrow(/Expected a readable HDF5 file at .*ENOENT/);
  });
});
