import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type BackboneOptions, describeBackbone, loadBackbone } from '../../../src/shared/backbones/load.ts';
import { columnNames } from '../../../src/shared/backbones/pooling.ts';
import { BACKBONES, findBackbone } from '../../../src/shared/backbones/registry.ts';
import { loadEngine } from '../../../src/shared/engines/engine.ts';
import { UsageError } from '../../../src/shared/errors.ts';
import { syntheticPhoto } from '../../support/synthetic-photo.ts';

const SMALL: BackboneOptions = {
  name: 'efficientnet_lite0',
  size: { width: 96, height: 64 },
  poolings: ['avg', 'max', 'gem', 'flatten'],
};

const columnsOf = (options: BackboneOptions) => describeBackbone(options).columns;

describe('finding a backbone', () => {
  it.each([
    ['MobileNetV3Large', 'mobilenet_v3_large'],
    ['EfficientNetV2B0', 'efficientnet_v2_b0'],
    ['NASNetMobile', 'nasnet_mobile'],
    ['ConvNeXtXLarge', 'convnext_xlarge'],
    ['InceptionResNetV2', 'inception_resnet_v2'],
    ['ResNet152V2', 'resnet152_v2'],
    ['MobileNetV2', 'mobilenet_v2'],
  ])('understands %s', (kerasName, name) => {
    expect(findBackbone(kerasName).name).toBe(name);
  });

  it.each(['resnet50', 'ResNet50', 'resnet-50', 'RESNET_50'])('understands %s', (name) => {
    expect(findBackbone(name).name).toBe('resnet50');
  });

  it('names the near ones for a name it does not know', () => {
    expect(() => findBackbone('resnet5')).toThrow(
      new UsageError('Unknown backbone "resnet5" (did you mean resnet50 or resnet50_v2 or resnet152?)'),
    );
  });
});

// Names in resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5 of 2017 (fchollet/deep-learning-models v0.2).
it.each([
  ['conv1_conv', 'conv1'],
  ['conv1_bn', 'bn_conv1'],
  ['conv2_block1_0_conv', 'res2a_branch1'],
  ['conv2_block1_1_bn', 'bn2a_branch2a'],
  ['conv4_block6_3_conv', 'res4f_branch2c'],
])('ResNet50 called %s %s in its first files', (layer, older) => {
  expect(findBackbone('resnet50').olderLayerName?.(layer)).toBe(older);
});

describe('columns', () => {
  it('are known without weights, and follow the size', () => {
    expect(columnsOf(SMALL)).toEqual([
      { name: 'avg', dimension: 1280 },
      { name: 'max', dimension: 1280 },
      { name: 'gem', dimension: 1280 },
      { name: 'flatten', dimension: 2 * 3 * 1280 },
    ]);
  });

  it('refuses a pooling that does not exist', () => {
    expect(() => columnsOf({ name: 'vgg16', poolings: ['median'] })).toThrow(
      new UsageError(
        'Expected one of avg, max, gem, flatten, cls, mean, cls+mean, pooler for --pooling but received "median"',
      ),
    );
  });

  it('can be of intermediate layers, by their Keras names', () => {
    expect(
      columnsOf({ name: 'resnet50', poolings: ['conv4_block6_out/avg', 'avg', 'conv2_block1_out/max'] }),
    ).toEqual([
      { name: 'conv4_block6_out/avg', dimension: 1024 },
      { name: 'avg', dimension: 2048 },
      { name: 'conv2_block1_out/max', dimension: 256 },
    ]);
    expect(columnNames(['avg', 'max'], ['conv4_block6_out', 'avg_pool'])).toEqual([
      'conv4_block6_out/avg',
      'conv4_block6_out/max',
      'avg',
    ]);
    expect(columnNames(['avg', 'gem'])).toEqual(['avg', 'gem']);
  });

  it('names the near layers for one that does not exist', () => {
    expect(() => columnsOf({ name: 'resnet50', poolings: ['conv4_block7_out/avg'] })).toThrow(
      /^Expected a layer of resnet50 for --layer but received "conv4_block7_out" \(did you mean conv4_block[1-6]_out/,
    );
    expect(() => columnsOf({ name: 'vgg16', poolings: ['elsewhere/avg'] })).toThrow(
      'Expected a layer of vgg16 for --layer but received "elsewhere" (permafrost backbones vgg16 lists them)',
    );
  });

  it('refuses sizes below the smallest of the backbone', () => {
    const small = { name: 'inception_v3', poolings: ['avg'] };
    expect(() => columnsOf({ ...small, size: { width: 200, height: 74 } })).toThrow(
      new UsageError('Expected at least 75x75 with inception_v3 for --size but received "200x74"'),
    );
    expect(columnsOf({ ...small, size: { width: 75, height: 75 } })[0].dimension).toBe(2048);
  });

  it.each([...BACKBONES.values()])('of $name exist at its smallest size', ({ name, minimumSize }) => {
    const size = { width: minimumSize, height: minimumSize };
    expect(columnsOf({ name, size, poolings: ['avg'] })).toHaveLength(1);
  });
});

describe('loading', () => {
  it('gives poolings that agree with the feature map they pool', async () => {
    const { graph, columns } = await loadBackbone({ ...SMALL, weights: 'imagenet' });
    const program = await (await loadEngine('onnxruntime')).compile(graph);
    const { avg, max, gem, flatten } = await program.run({ pixels: syntheticPhoto(0, 96, 64) });
    await program.release();
    expect(columns).toEqual(columnsOf(SMALL));
    for (const channel of [0, 77, 1279]) {
      const values = Array.from({ length: 6 }, (_, place) => flatten[place * 1280 + channel]);
      const mean = (of: number[]) => of.reduce((sum, value) => sum + value, 0) / of.length;
      expect(avg[channel]).toBeCloseTo(mean(values), 5);
      expect(max[channel]).toBe(Math.max(...values));
      expect(gem[channel]).toBeCloseTo(Math.cbrt(mean(values.map((x) => Math.max(x, 1e-6) ** 3))), 5);
    }
  });

  it('identifies the weights, not the size or the poolings', async () => {
    const first = await loadBackbone({ ...SMALL, weights: 'imagenet' });
    const second = await loadBackbone({ name: 'EfficientNetLite0', poolings: ['avg'], weights: 'imagenet' });
    const seeded = await loadBackbone({ ...SMALL, weights: 'none' });
    expect(first.weightsHash).toMatch(/^[0-9a-f]{64}$/);
    expect(second.weightsHash).toBe(first.weightsHash);
    expect(seeded.weightsHash).not.toBe(first.weightsHash);
    expect(second).toMatchObject({
      name: 'efficientnet_lite0',
      size: { width: 224, height: 224 },
      preprocessing: 'efficientnet-lite',
      weights: 'imagenet',
    });
  });

  it('refuses weights that are neither known nor a file', async () => {
    await expect(loadBackbone({ ...SMALL, weights: 'imagenett' })).rejects.toThrow(
      new UsageError(
        'Expected imagenet, none or a .h5, .keras, .safetensors or model.json file for --weights but received "imagenett"',
      ),
    );
  });

  it('refuses a safetensors file of another network, naming layer and shapes', async () => {
    const path = new URL('../../../models/efficientnet_lite0.safetensors', import.meta.url).pathname;
    await expect(loadBackbone({ name: 'vgg16', poolings: ['avg'], weights: path })).rejects.toThrow(
      'Expected kernel 3x3x3x64 for layer block1_conv1 of vgg16 but found none in',
    );
  });
});

it('ships the weights whose provenance it states', () => {
  const models = new URL('../../../models/', import.meta.url);
  const { file, sha256, bytes } = JSON.parse(
    readFileSync(new URL('efficientnet_lite0.json', models), 'utf8'),
  );
  const content = readFileSync(new URL(file, models));
  expect(content.length).toBe(bytes);
  expect(createHash('sha256').update(content).digest('hex')).toBe(sha256);
});
