/** ConvNeXt (Liu et al. 2022), as in keras/src/applications/convnext.py. */

import { add } from '../../graph/build.ts';
import type { Value } from '../../graph/value.ts';
import { type BackboneDefinition, KERAS_FILES } from '../backbone.ts';
import type { Layers } from '../layers.ts';

interface ConvnextVariant {
  size: string;
  /** Blocks in each of the four stages. */
  depths: readonly number[];
  /** Channels of each stage. */
  channels: readonly number[];
  hash: string;
}

/** Of all layer normalisations here, by Keras's own code. */
const EPSILON = 1e-6;

function convnext({ size, depths, channels, hash }: ConvnextVariant): BackboneDefinition {
  const name = `convnext_${size.toLowerCase()}`;
  const file = `${name}_notop.h5`;
  return {
    name,
    kerasName: `ConvNeXt${size}`,
    size: 224,
    minimumSize: 32,
    preprocessing: 'torch',
    // The ends of the stages, as the convolution that halves them takes them.
    depths: [0, 1, 2].map((at) => `${name}_downsampling_layernorm_${at}`),
    listing: {
      start: [`${name}_prestem_normalization`],
      before: [
        [/^(.*_stem)_conv$/, '$1'],
        [/^(.*_downsampling)_layernorm(_\d+)$/, '$1_block$2'],
      ],
      behind: [[/^(.*)_layer_scale$/, '$1_identity']],
      unlisted: /^add(_\d+)?$|_stem_|_downsampling_/,
    },
    inside: { rescaling: 0, normalization: 1 },
    imagenet: () => ({ file, address: `${KERAS_FILES}/convnext/${file}`, hash }),
    build(image, layers) {
      let x = image;
      depths.forEach((depth, stage) => {
        x =
          stage === 0
            ? stem(x, layers, channels[0], name)
            : downsample(x, layers, channels[stage], name, stage - 1);
        for (let index = 0; index < depth; index++)
          x = block(x, layers, `${name}_stage_${stage}_block_${index}`);
      });
      return x;
    },
    afterPooling: (channels, layers) => layers.sharedLayerNorm(channels, { epsilon: EPSILON }),
  };
}

function stem(x: Value, layers: Layers, filters: number, name: string): Value {
  const patches = layers.conv(x, { filters, kernel: [4, 4], strides: [4, 4], name: `${name}_stem_conv` });
  return layers.layerNorm(patches, { epsilon: EPSILON, name: `${name}_stem_layernorm` });
}

function downsample(x: Value, layers: Layers, filters: number, name: string, index: number): Value {
  const normalized = layers.layerNorm(x, {
    epsilon: EPSILON,
    name: `${name}_downsampling_layernorm_${index}`,
  });
  return layers.conv(normalized, {
    filters,
    kernel: [2, 2],
    strides: [2, 2],
    name: `${name}_downsampling_conv_${index}`,
  });
}

function block(input: Value, layers: Layers, name: string): Value {
  const channels = input.shape[3];
  let x = layers.groupedConv(input, { kernel: [7, 7], padding: 'same', name: `${name}_depthwise_conv` });
  x = layers.layerNorm(x, { epsilon: EPSILON, name: `${name}_layernorm` });
  x = layers.dense(x, { units: 4 * channels, name: `${name}_pointwise_conv_1` });
  x = layers.activation(x, 'gelu', `${name}_gelu`);
  x = layers.dense(x, { units: channels, name: `${name}_pointwise_conv_2` });
  x = layers.layerScale(x, `${name}_layer_scale`);
  return layers.layer('add', [input, x], add(input, x));
}

const DEEP = [3, 3, 27, 3];

export const CONVNEXT: readonly BackboneDefinition[] = [
  convnext({
    size: 'Tiny',
    depths: [3, 3, 9, 3],
    channels: [96, 192, 384, 768],
    hash: 'd547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1',
  }),
  convnext({
    size: 'Small',
    depths: DEEP,
    channels: [96, 192, 384, 768],
    hash: '6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab',
  }),
  convnext({
    size: 'Base',
    depths: DEEP,
    channels: [128, 256, 512, 1024],
    hash: '40a20c5548a5e9202f69735ecc06c990e6b7c9d2de39f0361e27baeb24cb7c45',
  }),
  convnext({
    size: 'Large',
    depths: DEEP,
    channels: [192, 384, 768, 1536],
    hash: '96f02b6f0753d4f543261bc9d09bed650f24dd6bc02ddde3066135b63d23a1cd',
  }),
  convnext({
    size: 'XLarge',
    depths: DEEP,
    channels: [256, 512, 1024, 2048],
    hash: 'de3f8a54174130e0cecdc71583354753d557fcf1f4487331558e2a16ba0cfe05',
  }),
];
