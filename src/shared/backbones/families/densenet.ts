/** DenseNet (Huang et al. 2016), as in keras/src/applications/densenet.py. */

import type { Value } from '../../graph/value.ts';
import { type BackboneDefinition, KERAS_FILES } from '../backbone.ts';
import type { Layers } from '../layers.ts';

interface DensenetVariant {
  name: string;
  kerasName: string;
  /** Layers in each of the four dense blocks. */
  blocks: readonly number[];
  hash: string;
}

/** Channels that each layer adds. */
const GROWTH = 32;
/** Of all batch-norms here, by Keras's own code. */
const EPSILON = 1.001e-5;

function densenet({ name, kerasName, blocks, hash }: DensenetVariant): BackboneDefinition {
  const file = `${name}_weights_tf_dim_ordering_tf_kernels_notop.h5`;
  return {
    name,
    kerasName,
    size: 224,
    minimumSize: 32,
    preprocessing: 'torch',
    // The ends of the dense blocks, as the transitions take them.
    depths: ['pool2_relu', 'pool3_relu', 'pool4_relu'],
    imagenet: () => ({ file, address: `${KERAS_FILES}/densenet/${file}`, hash }),
    build(image, layers) {
      let x = layers.zeroPadding(image, [3, 3, 3, 3]);
      x = layers.conv(x, { filters: 64, kernel: [7, 7], strides: [2, 2], bias: false, name: 'conv1_conv' });
      x = layers.batchNorm(x, { epsilon: EPSILON, name: 'conv1_bn' });
      x = layers.activation(x, 'relu', 'conv1_relu');
      x = layers.zeroPadding(x, [1, 1, 1, 1]);
      x = layers.maxPool(x, { window: [3, 3], strides: [2, 2], name: 'pool1' });
      blocks.forEach((count, index) => {
        if (index > 0) x = transition(x, layers, `pool${index + 1}`);
        for (let layer = 1; layer <= count; layer++) x = dense(x, layers, `conv${index + 2}_block${layer}`);
      });
      x = layers.batchNorm(x, { epsilon: EPSILON, name: 'bn' });
      return layers.activation(x, 'relu', 'relu');
    },
  };
}

/** Half the channels, half the rows and columns. */
function transition(input: Value, layers: Layers, name: string): Value {
  let x = layers.batchNorm(input, { epsilon: EPSILON, name: `${name}_bn` });
  x = layers.activation(x, 'relu', `${name}_relu`);
  const filters = Math.floor(x.shape[3] / 2);
  x = layers.conv(x, { filters, kernel: [1, 1], bias: false, name: `${name}_conv` });
  return layers.avgPool(x, { window: [2, 2], name: `${name}_pool` });
}

function dense(input: Value, layers: Layers, name: string): Value {
  let x = layers.batchNorm(input, { epsilon: EPSILON, name: `${name}_0_bn` });
  x = layers.activation(x, 'relu', `${name}_0_relu`);
  x = layers.conv(x, { filters: 4 * GROWTH, kernel: [1, 1], bias: false, name: `${name}_1_conv` });
  x = layers.batchNorm(x, { epsilon: EPSILON, name: `${name}_1_bn` });
  x = layers.activation(x, 'relu', `${name}_1_relu`);
  x = layers.conv(x, {
    filters: GROWTH,
    kernel: [3, 3],
    padding: 'same',
    bias: false,
    name: `${name}_2_conv`,
  });
  return layers.concat([input, x], `${name}_concat`);
}

export const DENSENET: readonly BackboneDefinition[] = [
  densenet({
    name: 'densenet121',
    kerasName: 'DenseNet121',
    blocks: [6, 12, 24, 16],
    hash: '30ee3e1110167f948a6b9946edeeb738',
  }),
  densenet({
    name: 'densenet169',
    kerasName: 'DenseNet169',
    blocks: [6, 12, 32, 32],
    hash: 'b8c4d4c20dd625c148057b9ff1c1176b',
  }),
  densenet({
    name: 'densenet201',
    kerasName: 'DenseNet201',
    blocks: [6, 12, 48, 32],
    hash: 'c13680b51ded0fb44dff2d8f86ac8bb1',
  }),
];
