/** Networks cut in two: small ones here, one of each family in split.ci.ts. */
import { expect, it } from 'vitest';
import { loadCutBackbone } from '../../../../src/shared/backbones/cut/load.ts';
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
  });
  expect(cut.layer).toBe('block_16_project_BN');
  expect([...tail.inputs.keys()].sort()).toEqual(['activation', ...weights.map(({ name }) => name)].sort());
  expect(weights.map(({ name, shape, isStatistic }) => [name, shape, isStatistic])).toEqual([
    ['Conv_1/kernel', [1, 1, 112, 1280], false],
    ['Conv_1_bn/gamma', [1280], false],
    ['Conv_1_bn/beta', [1280], false],
    ['Conv_1_bn/moving_mean', [1280], true],
    ['Conv_1_bn/moving_variance', [1280], true],
  ]);
});

it('what read every second pixel reads all that are left', async () => {
  const { tail } = await loadCutBackbone({
    name: 'resnet50',
    size: { width: 64, height: 64 },
    weights: 'none',
    poolings: ['avg'],
    from: 'conv5_block1',
  });
  const activation = tail.inputs.get('activation')!;
  expect(activation.shape.slice(1)).toEqual([2, 2, 1024]);
  const readers = tail.values.filter(({ inputs }) => inputs.includes(activation));
  expect(readers.map(({ attributes }) => attributes)).toEqual([
    { strides: [1, 1], padding: [0, 0, 0, 0], dilations: [1, 1] },
    { strides: [1, 1], padding: [0, 0, 0, 0], dilations: [1, 1] },
  ]);
});

it('features from before the cut are refused', async () => {
  const cut = loadCutBackbone({
    name: 'mobilenet_v2_0.35',
    size: { width: 32, height: 32 },
    weights: 'none',
    poolings: ['avg', 'block_6_expand_relu/avg'],
    from: 'last-block',
  });
  await expect(cut).rejects.toThrow(
    'Expected features from behind block_15_add but block_6_expand_relu/avg is computed before it',
  );
});
