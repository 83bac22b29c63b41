/** ResNet with batch-norm and ReLU before each convolution (He et al. 2016), as in keras/src/applications/resnet_v2.py. */

import type { Value } from '../../graph/value.ts';
import { type BackboneDefinition, KERAS_FILES } from '../backbone.ts';
import type { Layers } from '../layers.ts';

interface ResnetV2Variant {
  name: string;
  kerasName: string;
  /** Blocks in each of the four stacks. */
  blocks: readonly number[];
  hash: string;
}

/** Filters of the stacks' inner convolutions; a block's output has four times as many. */
const FILTERS = [64, 128, 256, 512];
/** Of all batch-norms here, by Keras's own code. */
const EPSILON = 1.001e-5;

function resnetV2({ name, kerasName, blocks, hash }: ResnetV2Variant): BackboneDefinition {
  const file = `${kerasName.toLowerCase()}_weights_tf_dim_ordering_tf_kernels_notop.h5`;
  return {
    name,
    kerasName,
    size: 224,
    minimumSize: 32,
    preprocessing: 'tf',
    // A stack's last block halves the image, and the next stack's first activation is of its end.
    depths: [3, 4, 5].map((stack) => `conv${stack}_block1_preact_relu`),
    imagenet: () => ({ file, address: `${KERAS_FILES}/resnet/${file}`, hash }),
    build(image, layers) {
      let x = layers.zeroPadding(image, [3, 3, 3, 3], 'conv1_pad');
      x = layers.conv(x, { filters: 64, kernel: [7, 7], strides: [2, 2], name: 'conv1_conv' });
      x = layers.zeroPadding(x, [1, 1, 1, 1], 'pool1_pad');
      x = layers.maxPool(x, { window: [3, 3], strides: [2, 2], name: 'pool1_pool' });
      blocks.forEach((count, stack) => {
        for (let index = 1; index <= count; index++) {
          // A stack halves the image in its last block; the last stack does not.
          const stride = index === count && stack < blocks.length - 1 ? 2 : 1;
          x = block(x, layers, `conv${stack + 2}_block${index}`, FILTERS[stack], stride, index === 1);
        }
      });
      x = layers.batchNorm(x, { epsilon: EPSILON, name: 'post_bn' });
      return layers.activation(x, 'relu', 'post_relu');
    },
  };
}

function block(
  input: Value,
  layers: Layers,
  name: string,
  filters: number,
  stride: number,
  project: boolean,
): Value {
  const batchNormRelu = (x: Value, part: string): Value => {
    const normalized = layers.batchNorm(x, { epsilon: EPSILON, name: `${name}_${part}_bn` });
    return layers.activation(normalized, 'relu', `${name}_${part}_relu`);
  };
  const strides = [stride, stride] as const;
  const active = batchNormRelu(input, 'preact');
  const shortcut = project
    ? layers.conv(active, { filters: 4 * filters, kernel: [1, 1], strides, name: `${name}_0_conv` })
    : stride > 1
      ? layers.maxPool(input, { window: [1, 1], strides })
      : input;
  let x = layers.conv(active, { filters, kernel: [1, 1], bias: false, name: `${name}_1_conv` });
  x = batchNormRelu(x, '1');
  x = layers.zeroPadding(x, [1, 1, 1, 1], `${name}_2_pad`);
  x = layers.conv(x, { filters, kernel: [3, 3], strides, bias: false, name: `${name}_2_conv` });
  x = batchNormRelu(x, '2');
  x = layers.conv(x, { filters: 4 * filters, kernel: [1, 1], name: `${name}_3_conv` });
  return layers.add(shortcut, x, `${name}_out`);
}

export const RESNET_V2: readonly BackboneDefinition[] = [
  resnetV2({
    name: 'resnet50_v2',
    kerasName: 'ResNet50V2',
    blocks: [3, 4, 6, 3],
    hash: 'fac2f116257151a9d068a22e544a4917',
  }),
  resnetV2({
    name: 'resnet101_v2',
    kerasName: 'ResNet101V2',
    blocks: [3, 4, 23, 3],
    hash: 'c0ed64b8031c3730f411d2eb4eea35b5',
  }),
  resnetV2({
    name: 'resnet152_v2',
    kerasName: 'ResNet152V2',
    blocks: [3, 8, 36, 3],
    hash: 'ed17cf2e0169df9d443503ef94b23b33',
  }),
];
