/** Inception-ResNet v2 (Szegedy et al. 2016), as in keras/src/applications/inception_resnet_v2.py: same order of creation. */

import { add, mul, scalar } from '../../graph/build.ts';
import type { Value } from '../../graph/value.ts';
import { type BackboneDefinition, KERAS_FILES } from '../backbone.ts';
import type { Layers } from '../layers.ts';
import { chain, convBn, HALVE, halvingPool, type Size } from './inception.ts';

const FILE = 'inception_resnet_v2_weights_tf_dim_ordering_tf_kernels_notop.h5';

export const INCEPTION_RESNET_V2: BackboneDefinition = {
  name: 'inception_resnet_v2',
  kerasName: 'InceptionResNetV2',
  size: 299,
  minimumSize: 75,
  preprocessing: 'tf',
  // The ends of the stages of 35x35, 17x17 and 8x8.
  depths: ['block35_10_ac', 'block17_20_ac', 'block8_9_ac'],
  imagenet: () => ({
    file: FILE,
    address: `${KERAS_FILES}/inception_resnet_v2/${FILE}`,
    hash: 'd19885ff4a710c122648d3b5c3b684e4',
  }),
  build(image, layers) {
    let x = stem(image, layers);
    for (let index = 1; index <= 10; index++) x = residual(x, layers, 'block35', index, 0.17);
    x = reductionA(x, layers);
    for (let index = 1; index <= 20; index++) x = residual(x, layers, 'block17', index, 0.1);
    x = reductionB(x, layers);
    for (let index = 1; index <= 9; index++) x = residual(x, layers, 'block8', index, 0.2);
    x = residual(x, layers, 'block8', 10, 1, false);
    return convBn(x, layers, [1536, 1, 1], { name: 'conv_7b' });
  },
};

function stem(image: Value, layers: Layers): Value {
  let x = convBn(image, layers, [32, 3, 3], HALVE);
  x = convBn(x, layers, [32, 3, 3], { padding: 'valid' });
  x = convBn(x, layers, [64, 3, 3]);
  x = halvingPool(x, layers);
  x = convBn(x, layers, [80, 1, 1], { padding: 'valid' });
  x = convBn(x, layers, [192, 3, 3], { padding: 'valid' });
  x = halvingPool(x, layers);
  const branches = [
    chain(x, layers, [96, 1, 1]),
    chain(x, layers, [48, 1, 1], [64, 5, 5]),
    chain(x, layers, [64, 1, 1], [96, 3, 3], [96, 3, 3]),
    chain(layers.avgPool(x, { window: [3, 3], strides: [1, 1], padding: 'same' }), layers, [64, 1, 1]),
  ];
  return layers.concat(branches, 'mixed_5b');
}

/** The branches of each kind of residual block. */
const BRANCHES = {
  block35: [
    [[32, 1, 1]],
    [
      [32, 1, 1],
      [32, 3, 3],
    ],
    [
      [32, 1, 1],
      [48, 3, 3],
      [64, 3, 3],
    ],
  ],
  block17: [
    [[192, 1, 1]],
    [
      [128, 1, 1],
      [160, 1, 7],
      [192, 7, 1],
    ],
  ],
  block8: [
    [[192, 1, 1]],
    [
      [192, 1, 1],
      [224, 1, 3],
      [256, 3, 1],
    ],
  ],
} as const satisfies Record<string, readonly (readonly Size[])[]>;

function residual(
  input: Value,
  layers: Layers,
  kind: keyof typeof BRANCHES,
  index: number,
  scale: number,
  activate = true,
): Value {
  const name = `${kind}_${index}`;
  const branches = BRANCHES[kind].map((sizes) => chain(input, layers, ...sizes));
  const mixed = layers.concat(branches, `${name}_mixed`);
  const filters = input.shape[3];
  const up = layers.conv(mixed, { filters, kernel: [1, 1], padding: 'same', name: `${name}_conv` });
  const sum = layers.layer('custom_scale_layer', [input, up], add(input, mul(up, scalar(scale))));
  return activate ? layers.activation(sum, 'relu', `${name}_ac`) : sum;
}

function reductionA(x: Value, layers: Layers): Value {
  const branches = [
    convBn(x, layers, [384, 3, 3], HALVE),
    convBn(chain(x, layers, [256, 1, 1], [256, 3, 3]), layers, [384, 3, 3], HALVE),
    halvingPool(x, layers),
  ];
  return layers.concat(branches, 'mixed_6a');
}

function reductionB(x: Value, layers: Layers): Value {
  const branches = [
    convBn(chain(x, layers, [256, 1, 1]), layers, [384, 3, 3], HALVE),
    convBn(chain(x, layers, [256, 1, 1]), layers, [288, 3, 3], HALVE),
    convBn(chain(x, layers, [256, 1, 1], [288, 3, 3]), layers, [320, 3, 3], HALVE),
    halvingPool(x, layers),
  ];
  return layers.concat(branches, 'mixed_7a');
}
