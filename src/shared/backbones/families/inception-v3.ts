/** Inception v3 (Szegedy et al. 2015), as in keras/src/applications/inception_v3.py: same layers, same order of creation. */
import type { Value } from '../../graph/value.ts';
import { type BackboneDefinition, KERAS_FILES } from '../backbone.ts';
import type { Layers } from '../layers.ts';
import { chain, convBn, HALVE, halvingPool } from './inception.ts';

const FILE = 'inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5';

export const INCEPTION_V3: BackboneDefinition = {
  name: 'inception_v3',
  kerasName: 'InceptionV3',
  size: 299,
  minimumSize: 75,
  preprocessing: 'tf',
  // The ends of the stages of 35x35, 17x17 and, before its two last blocks, 8x8.
  depths: ['mixed2', 'mixed7', 'mixed8'],
  imagenet: () => ({
    file: FILE,
    address: `${KERAS_FILES}/inception_v3/${FILE}`,
    hash: 'bcbd6486424b2319ff4ef7d526e38f63',
  }),
  build(image, layers) {
    let x = stem(image, layers);
    [32, 64, 64].forEach((poolFilters, index) => {
      x = blockA(x, layers, poolFilters, `mixed${index}`);
    });
    x = reductionA(x, layers, 'mixed3');
    [128, 160, 160, 192].forEach((filters, index) => {
      x = blockB(x, layers, filters, `mixed${4 + index}`);
    });
    x = reductionB(x, layers, 'mixed8');
    for (const index of [0, 1]) x = blockC(x, layers, index);
    return x;
  },
};

function poolProjection(x: Value, layers: Layers, filters: number): Value {
  const pooled = layers.avgPool(x, { window: [3, 3], strides: [1, 1], padding: 'same' });
  return convBn(pooled, layers, [filters, 1, 1]);
}

function stem(image: Value, layers: Layers): Value {
  let x = convBn(image, layers, [32, 3, 3], HALVE);
  x = convBn(x, layers, [32, 3, 3], { padding: 'valid' });
  x = convBn(x, layers, [64, 3, 3]);
  x = halvingPool(x, layers);
  x = convBn(x, layers, [80, 1, 1], { padding: 'valid' });
  x = convBn(x, layers, [192, 3, 3], { padding: 'valid' });
  return halvingPool(x, layers);
}

function blockA(x: Value, layers: Layers, poolFilters: number, name: string): Value {
  const branches = [
    chain(x, layers, [64, 1, 1]),
    chain(x, layers, [48, 1, 1], [64, 5, 5]),
    chain(x, layers, [64, 1, 1], [96, 3, 3], [96, 3, 3]),
    poolProjection(x, layers, poolFilters),
  ];
  return layers.concat(branches, name);
}

function reductionA(x: Value, layers: Layers, name: string): Value {
  const branches = [
    convBn(x, layers, [384, 3, 3], HALVE),
    convBn(chain(x, layers, [64, 1, 1], [96, 3, 3]), layers, [96, 3, 3], HALVE),
    halvingPool(x, layers),
  ];
  return layers.concat(branches, name);
}

function blockB(x: Value, layers: Layers, filters: number, name: string): Value {
  const branches = [
    chain(x, layers, [192, 1, 1]),
    chain(x, layers, [filters, 1, 1], [filters, 1, 7], [192, 7, 1]),
    chain(x, layers, [filters, 1, 1], [filters, 7, 1], [filters, 1, 7], [filters, 7, 1], [192, 1, 7]),
    poolProjection(x, layers, 192),
  ];
  return layers.concat(branches, name);
}

function reductionB(x: Value, layers: Layers, name: string): Value {
  const branches = [
    convBn(chain(x, layers, [192, 1, 1]), layers, [320, 3, 3], HALVE),
    convBn(chain(x, layers, [192, 1, 1], [192, 1, 7], [192, 7, 1]), layers, [192, 3, 3], HALVE),
    halvingPool(x, layers),
  ];
  return layers.concat(branches, name);
}

function blockC(x: Value, layers: Layers, index: number): Value {
  const branch1x1 = chain(x, layers, [320, 1, 1]);
  const trunk3x3 = chain(x, layers, [384, 1, 1]);
  const branch3x3 = layers.concat(
    [chain(trunk3x3, layers, [384, 1, 3]), chain(trunk3x3, layers, [384, 3, 1])],
    `mixed9_${index}`,
  );
  const trunkDouble = chain(x, layers, [448, 1, 1], [384, 3, 3]);
  const branchDouble = layers.concat([
    chain(trunkDouble, layers, [384, 1, 3]),
    chain(trunkDouble, layers, [384, 3, 1]),
  ]);
  const branchPool = poolProjection(x, layers, 192);
  return layers.concat([branch1x1, branch3x3, branchDouble, branchPool], `mixed${9 + index}`);
}
