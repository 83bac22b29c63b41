/** Models whose file says how they were built: the network in it is found, taken as it is, or refused by name. */
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { findNetwork } from '../../../../src/shared/backbones/configuration/find.ts';
import { describeBackbone, loadBackbone } from '../../../../src/shared/backbones/load.ts';
import { findBackbone } from '../../../../src/shared/backbones/registry.ts';
import { InputError, UsageError } from '../../../../src/shared/errors.ts';
import { kerasModel } from '../../../../src/shared/weights/keras-config.ts';
import { newFolder } from '../../../support/folders.ts';
import { difference, kerasFeatures, loadWeights } from '../../../support/keras-features.ts';
import { savedModels, writeKerasFile } from '../../../support/keras-models.ts';

/** SIZE of make_configurations.py. */
const SIZE = { width: 96, height: 96 };
const KERAS3 = savedModels('keras3');
const KERAS2 = savedModels('keras2');

/** What is refused, and why; everything else is found. */
const REFUSED: Record<string, RegExp> = {
  'alpha=0.6, as no published one':
    /^Expected the layer conv1 \(kernel 3x3x3x32, .* of mobilenet as Keras Applications builds it .* but found conv1 \(Conv2D, filters 19/,
  'depth_multiplier=2': /but found conv_dw_1 \(DepthwiseConv2D\) has depth_multiplier 2$/,
  'two networks':
    /^Expected one mobilenet_0.25 in x but found 2, mobilenet_0.25_96 and second: save the one you want alone/,
  'a stride changed':
    /^Expected the layer conv_pad_12 of mobilenet_0.25 .* but found conv_pad_12 \(ZeroPadding2D, padding \[\[0,0\],\[0,0\]\]\)$/,
};

/** A layer's name as Keras 3 spells it: Keras 2 has slashes, capitals and `BatchNorm`. */
const spelling = (name: string | undefined) =>
  name
    ?.replaceAll('/', '_')
    .toLowerCase()
    .replace(/_batchnorm$/, '_bn');

const search = ({ backbone, config }: { backbone: string; config: object }) =>
  findNetwork(kerasModel(config, 'x')!, { definition: findBackbone(backbone), size: SIZE, path: 'x' });

describe.each([
  ['Keras 3', KERAS3],
  ['Keras 2', KERAS2],
])('a configuration of %s', (_, models) => {
  it.each(models)('$backbone, $choice', (model) => {
    const refused = REFUSED[model.choice];
    if (refused) {
      expect(() => search(model)).toThrow(InputError);
      expect(() => search(model)).toThrow(refused);
      return;
    }
    const { places, built } = search(model);
    expect(built).toEqual(model.choice === 'input_shape=None' ? {} : SIZE);
    // A layer with weights is called as in Keras Applications wherever it has a name of its own there.
    const { layers } = describeBackbone({ name: model.backbone, poolings: [], size: SIZE });
    for (const { layer } of layers) {
      if (layer === 'normalization') continue;
      const name = places.get(layer)?.names.at(-1);
      if (/^(conv2d|batch_normalization|layer_normalization)(_\d+)?$/.test(layer)) expect(name).toBeDefined();
      else expect(spelling(name)).toBe(spelling(layer));
    }
  });
});

const saved = (backbone: string, choice: string) =>
  KERAS3.find((model) => model.backbone === backbone && model.choice === choice)!;

let path: string;
beforeAll(() => {
  path = join(newFolder(), 'model.h5');
});

const NETWORK = 'mobilenet_0.25_96';
describe('features are those of Keras for', () => {
  it('preprocess_input in front', async () => {
    const notes: string[] = [];
    const { config, features: expected } = saved('mobilenet_0.25', 'preprocess_input in front');
    await writeKerasFile({ path, backbone: 'mobilenet_0.25', config, group: NETWORK });
    const found = await kerasFeatures({ path, backbone: 'mobilenet_0.25', size: SIZE, notes });
    expect(difference(found, expected!)).toBeLessThan(1e-4);
    expect(notes).toEqual([]);
  });

  it.each([
    [
      'another scale in front',
      'Sequential, Rescaling(1/255)',
      {},
      'RGB, x * (0.003921569, 0.003921569, 0.003921569) + (0, 0, 0)',
    ],
    [
      'a Normalization in front, by its saved numbers',
      'Normalization, adapted',
      {
        'normalization_1/mean': [90, 100, 110],
        'normalization_1/variance': [900, 1600, 2500],
        'normalization_1/count': [7],
      },
      'RGB, x * (0.03333333, 0.025, 0.02) + (-3, -2.5, -2.2)',
    ],
  ])('%s, which is said', async (_, choice, numbers, formula) => {
    const notes: string[] = [];
    const { config, features: expected } = saved('mobilenet_0.25', choice);
    await writeKerasFile({ path, backbone: 'mobilenet_0.25', config, group: NETWORK, numbers });
    const found = await kerasFeatures({ path, backbone: 'mobilenet_0.25', size: SIZE, notes });
    expect(difference(found, expected!)).toBeLessThan(1e-4);
    expect(notes).toEqual([
      `${path} prepares pixels in its own way (${formula}), not as mobilenet_0.25 was published; features follow the file`,
    ]);
  });
});

describe('a whole model', () => {
  const load = async (choice: string, size?: typeof SIZE): Promise<string[]> => {
    const notes: string[] = [];
    const { config, backbone } = saved('mobilenet_0.25', choice);
    await writeKerasFile({ path, backbone, config, group: NETWORK });
    await loadBackbone({
      name: backbone,
      weights: path,
      size,
      poolings: ['avg'],
      note: (text) => notes.push(text),
    });
    return notes;
  };

  it('is used at another size than its own only with a note', async () => {
    expect(await load('Sequential, head', SIZE)).toEqual([]);
    expect(await load('Sequential, head')).toEqual([
      `${path} was built for images of 96x96; features are those of 224x224 (--size 96x96 for its own)`,
    ]);
  });

  it('whose front resizes images is used at that size only', async () => {
    expect(await load('Resizing to its size', SIZE)).toEqual([]);
    await expect(load('Resizing to another size', SIZE)).rejects.toThrow(UsageError);
    await expect(load('Resizing to another size', SIZE)).rejects.toThrow(
      /^Expected 128x128, to which the layer resizing\w* of .* resizes images, for --size but received "96x96"/,
    );
  });

  it('with code in front is refused, but for the preprocess_input that it names', async () => {
    await expect(load('Lambda(lambda x: x / 255)', SIZE)).rejects.toThrow(
      /found the layer lambda\w* \(Lambda\), whose Python code is not run: put Rescaling or Normalization in its place/,
    );
    expect(await load('Lambda(preprocess_input)', SIZE)).toEqual([
      expect.stringMatching(
        /^lambda\w* in .* is taken for the preprocess_input of MobileNet_0.25's own family/,
      ),
    ]);
  });
});

describe('a file of weights alone', () => {
  const load = (backbone: string, listed: readonly string[]) =>
    loadWeights({ path, backbone, listed, size: SIZE });

  it('with layers in front whose settings it does not have is refused', async () => {
    await expect(load('mobilenet_0.25', ['input_1', 'rescaling_3', 'random_flip'])).rejects.toThrow(
      /^Expected the settings of the layers in front of mobilenet_0.25 \(rescaling_3\) but .* has weights only: save the whole model/,
    );
    expect(await load('mobilenet_0.25', ['input_1', 'random_flip'])).toEqual({
      preprocessing: 'tf',
      notes: [],
    });
  });

  it('built without the preprocessing that Keras puts inside is said to be', async () => {
    const { notes } = await load('mobilenet_v3_small_0.75', ['input_1']);
    expect(notes).toEqual([
      `${path} was built without mobilenet_v3_small_0.75's preprocessing (include_preprocessing=False): pixels are prepared as published, x / 127.5 - 1`,
    ]);
    expect(await load('mobilenet_v3_small_0.75', ['input_1', 'rescaling'])).toEqual({
      preprocessing: 'tf',
      notes: [],
    });
  });
});

describe('an invalid configuration is refused', () => {
  const input = {
    class_name: 'InputLayer',
    name: 'in',
    config: { batch_shape: [null, 96, 96, 3] },
    inbound_nodes: [],
  };
  const from = (layer: string) => ({
    class_name: '__keras_tensor__',
    config: { keras_history: [layer, 0, 0] },
  });
  const layer = (name: string, config: object, args: unknown[]) => ({
    class_name: 'Conv2D',
    name,
    config: { kernel_size: [3, 3], use_bias: false, ...config },
    inbound_nodes: [{ args, kwargs: {} }],
  });
  const functional = (...layers: object[]) => ({
    class_name: 'Functional',
    config: { name: 'm', layers: [input, ...layers], input_layers: ['in', 0, 0], output_layers: ['a', 0, 0] },
  });
  const deep = JSON.parse(`${'['.repeat(50_000)}${']'.repeat(50_000)}`);
  const around = (count: number, inside: object): object =>
    count === 0
      ? inside
      : around(count - 1, { class_name: 'Sequential', config: { name: 's', layers: [inside] } });

  it.each<[string, object, RegExp]>([
    [
      'layers that feed each other',
      functional(layer('a', { filters: 4 }, [from('b')]), layer('b', { filters: 4 }, [from('a')])),
      /without a cycle/,
    ],
    [
      'lists without end',
      functional(layer('a', { filters: 4 }, [from('in'), deep])),
      /lists that are nested less deeply/,
    ],
    ['models within models without end', around(30, input), /at most 20 models within models/],
    [
      'a weight that fills the memory',
      functional(layer('a', { filters: 900_000, kernel_size: [1000, 1000] }, [from('in')])),
      /but found a \(Conv2D\) does not fit its inputs/,
    ],
    [
      'a layer that is fed by none',
      functional(layer('a', { filters: 4 }, [from('c')])),
      /but found a \(Conv2D\)|none there/,
    ],
    [
      'no images',
      {
        ...functional(),
        config: {
          layers: [{ ...input, config: { batch_shape: [null, 96, 96, 1] } }],
          input_layers: [['in', 0, 0]],
          output_layers: [],
        },
      },
      /takes \[null,96,96,1\], not images of three colours/,
    ],
    [
      'no layers',
      { class_name: 'Functional', config: { layers: [{}] } },
      /Expected text for class_name in x/,
    ],
  ])('%s', (_, config, message) => {
    const find = () => search({ backbone: 'mobilenet_0.25', config });
    expect(find).toThrow(InputError);
    expect(find).toThrow(message);
  });
});
