/** VGG (Simonyan & Zisserman 2014), as in keras/src/applications/vgg16.py and vgg19.py. */
import type { Value } from '../../graph/value.ts';
import { type BackboneDefinition, KERAS_FILES } from '../backbone.ts';
import type { Layers } from '../layers.ts';

interface VggVariant {
  name: string;
  kerasName: string;
  /** 3x3 convolutions in each of the five blocks. */
  convolutions: readonly number[];
  hash: string;
}

const FILTERS = [64, 128, 256, 512, 512];

function vgg({ name, kerasName, convolutions, hash }: VggVariant): BackboneDefinition {
  const file = `${name}_weights_tf_dim_ordering_tf_kernels_notop.h5`;
  return {
    name,
    kerasName,
    size: 224,
    minimumSize: 32,
    preprocessing: 'caffe',
    depths: ['block2_pool', 'block3_pool', 'block4_pool'],
    imagenet: () => ({ file, address: `${KERAS_FILES}/${name}/${file}`, hash }),
    build: (image, layers) =>
      convolutions.reduce(
        (x, count, block) => vggBlock(x, layers, `block${block + 1}`, FILTERS[block], count),
        image,
      ),
  };
}

function vggBlock(input: Value, layers: Layers, block: string, filters: number, count: number): Value {
  let x = input;
  for (let index = 1; index <= count; index++) {
    x = layers.conv(x, {
      filters,
      kernel: [3, 3],
      padding: 'same',
      activation: 'relu',
      name: `${block}_conv${index}`,
    });
  }
  return layers.maxPool(x, { window: [2, 2], name: `${block}_pool` });
}

export const VGG: readonly BackboneDefinition[] = [
  vgg({
    name: 'vgg16',
    kerasName: 'VGG16',
    convolutions: [2, 2, 3, 3, 3],
    hash: '6d6bbae143d832006294945121d1f1fc',
  }),
  vgg({
    name: 'vgg19',
    kerasName: 'VGG19',
    convolutions: [2, 2, 4, 4, 4],
    hash: '253f8cb515780f3b799900260a226db6',
  }),
];
