/** The layers that a store has by default. */
import { describe, expect, it } from 'vitest';
import { requestedColumns } from '../../../src/shared/backbones/depths.ts';
import { describeBackbone } from '../../../src/shared/backbones/load.ts';

const DEPTHS = ['block4a', 'block5a', 'block6a', 'block7a'].map((block) => `${block}_expand_activation`);
const lite = (...args: [string[], string[]?]) => requestedColumns('efficientnet_lite0', ...args);

describe('columns of a backbone', () => {
  it('are the last layer and its depths by default, the last layer first', () => {
    const averages = ['avg', ...DEPTHS.map((layer) => `${layer}/avg`)];
    expect(lite(['avg'])).toEqual(averages);
    expect(lite(['avg'], ['depths'])).toEqual(averages);
    expect(lite(['max', 'avg']).slice(0, 4)).toEqual([
      'max',
      'avg',
      'block4a_expand_activation/max',
      'block4a_expand_activation/avg',
    ]);
  });

  it('flatten the last layer alone', () => {
    expect(lite(['flatten'])).toEqual(['flatten']);
    expect(lite(['flatten', 'gem'])).toEqual(['flatten', 'gem', ...DEPTHS.map((layer) => `${layer}/gem`)]);
  });

  it('are those of the layers that are named', () => {
    expect(lite(['avg'], ['last'])).toEqual(['avg']);
    expect(lite(['avg', 'max'], ['stem_activation', 'last'])).toEqual([
      'stem_activation/avg',
      'stem_activation/max',
      'avg',
      'max',
    ]);
    expect(lite(['avg'], ['depths', 'stem_activation']).at(-1)).toBe('stem_activation/avg');
  });

  it('are the last of an .onnx file, which has no depths', () => {
    expect(requestedColumns('model.onnx', ['avg'])).toEqual(['avg']);
    expect(() => requestedColumns('model.onnx', ['avg'], ['depths'])).toThrow(
      '--layer depths cannot be combined with model.onnx: an .onnx file has no table of depths; name its tensors',
    );
  });

  it('are refused where one comes twice', () => {
    for (const layers of [
      ['last', 'avg_pool'],
      ['depths', DEPTHS[0]],
    ])
      expect(() => lite(['avg'], layers)).toThrow('Expected each layer once for --layer');
  });
});

// The smallest of each family and of each formula for names.
it.each([
  'efficientnet_lite0',
  'efficientnet_b0',
  'efficientnet_v2_b0',
  'resnet50',
  'resnet50_v2',
  'vgg16',
  'inception_v3',
  'inception_resnet_v2',
  'xception',
  'mobilenet_0.25',
  'mobilenet_v2_0.35',
  'mobilenet_v3_small',
  'mobilenet_v3_large_minimalistic',
  'densenet121',
  'nasnet_mobile',
  'convnext_tiny',
])('%s has its depths in the order of the network', (name) => {
  const { definition, outputs, map } = describeBackbone({ name, poolings: requestedColumns(name, ['avg']) });
  const { depths } = definition;
  const order = [...outputs.keys()];
  const places = depths.map((layer) => order.indexOf(layer));
  expect(places).toEqual([...places].sort((a, b) => a - b));
  const sizes = [...depths.map((layer) => outputs.get(layer)!), map].map(({ shape }) => shape[1]);
  expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
  expect(outputs.get(depths.at(-1)!)).not.toBe(map);
});
