/** Networks cut in two: small ones here, one of each family in split.ci.ts. */
import { describe, expect, it } from 'vitest';
import { loadCutBackbone } from '../../../../src/shared/backbones/cut/load.ts';
import { meanOf, varianceOf } from '../../../../src/shared/graph/moments.ts';
import { expectSameFeatures } from '../../../support/cut-features.ts';

it.each([
  ['mobilenet_v2_0.35', 64, 'last-block'],
  ['mobilenet_v2_0.35', 64, 'block_14'],
  ['resnet50', 64, 'conv5_block1'],
])('%s at %i, cut in front of %s, gives the features of the whole network', expectSameFeatures);

it('the weights of a tail are inputs under the names of Keras, batch-norm included', async () => {
  const { tail, weights, cut } = await loadCutBackbone({
    name: 'mobilenet_v2_0.35',
    size: { width: 32, height: 32 },
    weights: 'none',
    poolings: ['avg'],
    from: 'Conv_1',
    batchNorm: 'frozen',
  });
  expect(cut.layer).toBe('block_16_project_BN');
  expect([...tail.inputs.keys()].sort()).toEqual(['activation', ...weights.map(({ name }) => name)].sort());
  expect(weights.map(({ name, shape, role, momentum }) => [name, shape, role, momentum])).toEqual([
    ['Conv_1/kernel', [1, 1, 112, 1280], 'kernel', undefined],
    ['Conv_1_bn/gamma', [1280], 'norm', undefined],
    ['Conv_1_bn/beta', [1280], 'norm', undefined],
    ['Conv_1_bn/moving_mean', [1280], 'statistic', 0.999],
    ['Conv_1_bn/moving_variance', [1280], 'statistic', 0.999],
  ]);
});

it('what read every second pixel reads all that are left', async () => {
  const { tail } = await loadCutBackbone({
    name: 'resnet50',
    size: { width: 64, height: 64 },
    weights: 'none',
    poolings: ['avg'],
    from: 'conv5_block1',
    batchNorm: 'frozen',
  });
  const activation = tail.inputs.get('activation')!;
  expect(activation.shape.slice(1)).toEqual([2, 2, 1024]);
  const readers = tail.values.filter(({ inputs }) => inputs.includes(activation));
  expect(readers.map(({ attributes }) => attributes)).toEqual([
    { strides: [1, 1], padding: [0, 0, 0, 0], dilations: [1, 1] },
    { strides: [1, 1], padding: [0, 0, 0, 0], dilations: [1, 1] },
  ]);
});

const mobilenet = {
  name: 'mobilenet_v2_0.35',
  size: { width: 32, height: 32 },
  weights: 'none',
  from: 'last-block',
  batchNorm: 'frozen',
} as const;

describe('columns', () => {
  it('from before the cut come out of the front, others out of the tail, both in the order of the request', async () => {
    const poolings = [
      'max',
      'block_6_expand_relu/avg',
      'block_16_expand_relu/avg',
      'block_15_add/avg',
      'avg',
    ];
    const parts = await loadCutBackbone({ ...mobilenet, poolings });
    expect(parts.frontColumns).toEqual([
      { name: 'block_6_expand_relu/avg', dimension: 96 },
      { name: 'block_15_add/avg', dimension: 56 },
    ]);
    expect(parts.tailColumns.map(({ name }) => name)).toEqual(['max', 'block_16_expand_relu/avg', 'avg']);
    expect([...parts.front.outputs.keys()]).toEqual([
      'activation',
      'block_6_expand_relu/avg',
      'block_15_add/avg',
    ]);
    expect([...parts.tail.outputs.keys()]).toEqual(['max', 'block_16_expand_relu/avg', 'avg']);
  });

  it('that all come from before the cut are refused', async () => {
    const poolings = ['block_6_expand_relu/avg', 'block_15_add/avg'];
    await expect(loadCutBackbone({ ...mobilenet, poolings })).rejects.toThrow(
      'Expected a head that reads features from behind block_15_add but it reads ' +
        'block_6_expand_relu/avg, block_15_add/avg, computed before the cut',
    );
  });
});

describe('batch-norms that are trained', () => {
  it('normalise with the batch, and give its mean and variance for their moving statistics', async () => {
    const parts = await loadCutBackbone({
      ...mobilenet,
      from: 'Conv_1',
      poolings: ['avg'],
      batchNorm: 'trainable',
    });
    expect(parts.weights).toHaveLength(5);
    expect([...parts.trainingTail.inputs.keys()].sort()).toEqual([
      'Conv_1/kernel',
      'Conv_1_bn/beta',
      'Conv_1_bn/gamma',
      'activation',
    ]);
    expect(Array.from(parts.trainingTail.outputs, ([name, { shape }]) => [name, shape])).toEqual([
      ['avg', [-1, 1280]],
      [meanOf('Conv_1_bn'), [1280]],
      [varianceOf('Conv_1_bn'), [1280]],
    ]);
    expect([...parts.tail.inputs.keys()]).toContain('Conv_1_bn/moving_mean');
  });

  it('are inserted between a convolution and its activation', async () => {
    const vgg = { ...mobilenet, name: 'vgg16', from: 'block5_conv3', poolings: ['avg', 'block5_conv3/max'] };
    const { weights, tail, trainingTail } = await loadCutBackbone({ ...vgg, batchNorm: 'insert' });
    expect(weights.map(({ name, data }) => [name, data[0]]).slice(1)).toEqual([
      ['block5_conv3/bias', expect.any(Number)],
      ['block5_conv3_bn/gamma', 1],
      ['block5_conv3_bn/beta', 0],
      ['block5_conv3_bn/moving_mean', 0],
      ['block5_conv3_bn/moving_variance', 1],
    ]);
    // The column of the convolution still means what its activation gives.
    expect(tail.outputs.get('block5_conv3/max')!.inputs[0].op).toBe('relu');
    expect([...trainingTail.outputs.keys()]).toContain(meanOf('block5_conv3_bn'));
  });

  it.each([
    [
      'vgg16',
      'trainable',
      'Expected frozen or insert with vgg16, which has no batch-norm behind block4_pool, for --batch-norm but received "trainable"',
    ],
    [
      'efficientnet_b0',
      'insert',
      'Expected frozen or trainable with efficientnet_b0, which has no convolution that its activation follows without a ' +
        'batch-norm behind block6d_add, for --batch-norm but received "insert"',
    ],
    [
      'convnext_tiny',
      'trainable',
      'Expected frozen with convnext_tiny, which has no batch-norm behind add_16, for --batch-norm but received "trainable"',
    ],
  ] as const)('are refused in %s where the mode %s has none to work on', async (name, batchNorm, message) => {
    const from = name === 'vgg16' ? 'block5_conv1' : 'last-block';
    const cut = loadCutBackbone({ ...mobilenet, name, from, poolings: ['avg'], batchNorm });
    await expect(cut).rejects.toThrow(message);
  });
});
