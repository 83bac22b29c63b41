import { describe, expect, it } from 'vitest';
import { createLayers } from '../../../src/shared/backbones/layers.ts';
import { BACKBONES } from '../../../src/shared/backbones/registry.ts';
import { allBackboneFacts, backboneTable } from '../../../src/shared/backbones/table.ts';
import { input } from '../../../src/shared/graph/build.ts';
import { BATCH, type Value } from '../../../src/shared/graph/value.ts';
import { blankSource } from '../../../src/shared/weights/source.ts';

const image = (height: number, width: number): Value => input('image', 'float32', [BATCH, height, width, 3]);

describe('same padding', () => {
  // Output sizes and padding of tf.nn.max_pool2d(padding='SAME').
  it.each([
    { size: 224, window: 3, stride: 2, out: 112, padding: [0, 1] },
    { size: 227, window: 3, stride: 2, out: 114, padding: [1, 1] },
    { size: 14, window: 5, stride: 2, out: 7, padding: [1, 2] },
    { size: 7, window: 1, stride: 2, out: 4, padding: [0, 0] },
    { size: 8, window: 3, stride: 1, out: 8, padding: [1, 1] },
  ])(
    'of a $window window, stride $stride, over $size gives $out',
    ({ size, window, stride, out, padding }) => {
      const layers = createLayers(blankSource());
      const pooled = layers.maxPool(image(size, 50), {
        window: [window, 1],
        strides: [stride, 1],
        padding: 'same',
      });
      expect(pooled.shape).toEqual([BATCH, out, 50, 3]);
      expect(pooled.attributes).toMatchObject({ padding: [...padding, 0, 0] });
    },
  );
});

describe('layer names', () => {
  it('are numbered within each class, as in a fresh Keras session', () => {
    const layers = createLayers(blankSource());
    let x = layers.conv(image(8, 8), { filters: 2, kernel: [1, 1] });
    x = layers.batchNorm(x);
    layers.activation(layers.conv(x, { filters: 2, kernel: [1, 1] }), 'relu');
    expect([...layers.outputs.keys()]).toEqual(['conv2d', 'batch_normalization', 'conv2d_1', 'activation']);
  });

  it('may be used once', () => {
    const layers = createLayers(blankSource());
    const x = layers.activation(image(8, 8), 'relu', 'twice');
    expect(() => layers.activation(x, 'relu', 'twice')).toThrow('Two layers are called twice');
  });
});

it('a valid convolution takes over the zeros of a padding layer before it', () => {
  const layers = createLayers(blankSource());
  const padded = layers.zeroPadding(image(8, 8), [0, 1, 0, 1], 'pad');
  const output = layers.depthwiseConv(padded, { kernel: [3, 3], strides: [2, 2], name: 'halve' });
  expect(padded.shape).toEqual([BATCH, 9, 9, 3]);
  expect(output.shape).toEqual([BATCH, 4, 4, 3]);
  expect(output).toMatchObject({ op: 'depthwiseConv2d', attributes: { padding: [0, 1, 0, 1] } });
  expect(output.inputs[0].op).toBe('input');
});

it('lists layers as Keras does: furthest from the output first, then as met from the output', () => {
  const layers = createLayers(blankSource());
  const conv = (x: Value, name: string) => layers.conv(x, { filters: 2, kernel: [1, 1], name });
  const trunk = conv(image(8, 8), 'trunk');
  const long = conv(conv(trunk, 'long_1'), 'long_2');
  const short = conv(trunk, 'short');
  const joined = layers.concat([short, long]);
  expect(layers.weightLayers(joined).map(({ layer }) => layer)).toEqual([
    'trunk',
    'long_1',
    'short',
    'long_2',
  ]);
});

it('prints one row per backbone, with its features, parameters and work', () => {
  const rows = backboneTable(allBackboneFacts()).split('\n');
  expect(rows).toHaveLength(2 + BACKBONES.size);
  // 3.86 G: 4.09 G of the whole network (Keras's and torchvision's) counts strides in the 3x3 convolutions instead.
  expect(rows).toContainEqual(
    expect.stringMatching(/^\| `resnet50` \| 224x224 \| 2048 \| 23\.6 M \| 3\.86 G \| BGR, minus /),
  );
  expect(rows[2]).toMatch(
    /^\| `efficientnet_lite0` \| 224x224 \| 1280 \| 3\.4 M \| 0\.38 G \| \(x - 127\) \/ 128 \|$/,
  );
});
