/** Xception (Chollet 2016), as in keras/src/applications/xception.py: same layers, same order of creation. */

import type { Value } from '../../graph/value.ts';
import { type BackboneDefinition, KERAS_FILES } from '../backbone.ts';
import type { Layers } from '../layers.ts';

const FILE = 'xception_weights_tf_dim_ordering_tf_kernels_notop.h5';

export const XCEPTION: BackboneDefinition = {
  name: 'xception',
  kerasName: 'Xception',
  size: 299,
  minimumSize: 71,
  preprocessing: 'tf',
  // The first activations of blocks that halve the image or end the network: of the stages' ends.
  depths: ['block3_sepconv1_act', 'block4_sepconv1_act', 'block13_sepconv1_act', 'block14_sepconv1_act'],
  imagenet: () => ({
    file: FILE,
    address: `${KERAS_FILES}/xception/${FILE}`,
    hash: 'b0042744bf5b25fce3cb969f33bebb97',
  }),
  build(image, layers) {
    let x = image;
    for (const [filters, stride, name] of [
      [32, 2, 'block1_conv1'],
      [64, 1, 'block1_conv2'],
    ] as const) {
      x = layers.conv(x, { filters, kernel: [3, 3], strides: [stride, stride], bias: false, name });
      x = layers.activation(layers.batchNorm(x, { name: `${name}_bn` }), 'relu', `${name}_act`);
    }
    [128, 256, 728].forEach((filters, index) => {
      x = halvingBlock(x, layers, `block${2 + index}`, [filters, filters], index > 0);
    });
    for (let index = 5; index <= 12; index++) {
      const input = x;
      for (const part of [1, 2, 3]) {
        const name = `block${index}_sepconv${part}`;
        x = separable(layers.activation(x, 'relu', `${name}_act`), layers, 728, name);
      }
      x = layers.add(x, input);
    }
    x = halvingBlock(x, layers, 'block13', [728, 1024], true);
    for (const [part, filters] of [1536, 2048].entries()) {
      const name = `block14_sepconv${part + 1}`;
      x = layers.activation(separable(x, layers, filters, name), 'relu', `${name}_act`);
    }
    return x;
  },
};

function separable(x: Value, layers: Layers, filters: number, name: string): Value {
  const convolved = layers.separableConv(x, { filters, kernel: [3, 3], padding: 'same', name });
  return layers.batchNorm(convolved, { name: `${name}_bn` });
}

/** Two separable convolutions and a pool, beside a strided 1x1 convolution. */
function halvingBlock(
  input: Value,
  layers: Layers,
  block: string,
  [first, second]: readonly [number, number],
  activateFirst: boolean,
): Value {
  const shortcut = layers.batchNorm(
    layers.conv(input, {
      filters: second,
      kernel: [1, 1],
      strides: [2, 2],
      padding: 'same',
      bias: false,
    }),
  );
  let x = activateFirst ? layers.activation(input, 'relu', `${block}_sepconv1_act`) : input;
  x = separable(x, layers, first, `${block}_sepconv1`);
  x = layers.activation(x, 'relu', `${block}_sepconv2_act`);
  x = separable(x, layers, second, `${block}_sepconv2`);
  x = layers.maxPool(x, { window: [3, 3], strides: [2, 2], padding: 'same', name: `${block}_pool` });
  return layers.add(x, shortcut);
}
