/** EfficientNet (Tan & Le 2019), as in keras/src/applications/efficientnet.py. */

import { constant, mul } from '../../graph/build.ts';
import type { Value } from '../../graph/value.ts';
import type { BackboneDefinition } from '../backbone.ts';
import { correctPad, type Pair } from '../layers/padding.ts';
import type { Layers } from '../layers.ts';
import { LISTING, squeezeExcite } from './squeeze-excite.ts';
import { makeDivisible } from './widths.ts';

/** Blocks of one shape, one after the other. */
export interface Stage {
  repeats: number;
  kernel: number;
  /** Of the first block; the others have 1. */
  stride: number;
  /** How many times the input's channels a block works on. */
  expand: number;
  filters: number;
}

/** Stages of EfficientNetB0, of which the other variants are multiples; Lite has the same. */
export const STAGES: readonly Stage[] = [
  { repeats: 1, kernel: 3, stride: 1, expand: 1, filters: 16 },
  { repeats: 2, kernel: 3, stride: 2, expand: 6, filters: 24 },
  { repeats: 2, kernel: 5, stride: 2, expand: 6, filters: 40 },
  { repeats: 3, kernel: 3, stride: 2, expand: 6, filters: 80 },
  { repeats: 3, kernel: 5, stride: 1, expand: 6, filters: 112 },
  { repeats: 4, kernel: 5, stride: 2, expand: 6, filters: 192 },
  { repeats: 1, kernel: 3, stride: 1, expand: 6, filters: 320 },
];

/** IMAGENET_STDDEV_RGB: the published files hold these where a variance belongs, and Keras corrects it behind. */
const DEVIATIONS = [0.229, 0.224, 0.225] as const;
const CORRECTION = [
  1 / Math.sqrt(DEVIATIONS[0]),
  1 / Math.sqrt(DEVIATIONS[1]),
  1 / Math.sqrt(DEVIATIONS[2]),
] as const;

/** Where each stage that follows a reduction to an eighth widens the end of the stage before it. */
export const DEPTHS: readonly string[] = [4, 5, 6, 7].map((stage) => `block${stage}a_expand_activation`);

interface EfficientnetVariant {
  /** 0 of B0. */
  number: number;
  width: number;
  depth: number;
  size: number;
  hash: string;
}

function efficientnet({ number, width, depth, size, hash }: EfficientnetVariant): BackboneDefinition {
  const file = `efficientnetb${number}_notop.h5`;
  const scaled = (filters: number): number => makeDivisible(filters * width);
  return {
    name: `efficientnet_b${number}`,
    kerasName: `EfficientNetB${number}`,
    size,
    minimumSize: 32,
    preprocessing: 'efficientnet',
    depths: DEPTHS,
    imagenet: () => ({ file, address: `https://storage.googleapis.com/keras-applications/${file}`, hash }),
    listing: { ...LISTING, start: ['rescaling'] },
    inside: { rescaling: 1, normalization: 1 },
    normalize: { correction: CORRECTION, apply: normalize },
    build(image, layers) {
      let x = layers.zeroPadding(image, correctPad(image.shape, [3, 3]), 'stem_conv_pad');
      x = layers.conv(x, {
        filters: scaled(32),
        kernel: [3, 3],
        strides: [2, 2],
        bias: false,
        name: 'stem_conv',
      });
      x = layers.activation(layers.batchNorm(x, { name: 'stem_bn' }), 'swish', 'stem_activation');
      STAGES.forEach((stage, index) => {
        const repeats = Math.ceil(depth * stage.repeats);
        for (let repeat = 0; repeat < repeats; repeat++) {
          const prefix = `block${index + 1}${String.fromCharCode('a'.charCodeAt(0) + repeat)}_`;
          const stride = repeat === 0 ? stage.stride : 1;
          x = block(x, layers, prefix, { ...stage, stride, filters: scaled(stage.filters) });
        }
      });
      x = layers.conv(x, { filters: scaled(1280), kernel: [1, 1], bias: false, name: 'top_conv' });
      return layers.activation(layers.batchNorm(x, { name: 'top_bn' }), 'swish', 'top_activation');
    },
  };
}

function normalize(image: Value, layers: Layers, { corrected }: { corrected: boolean }): Value {
  const x = layers.normalization(image);
  return corrected ? layers.layer('rescaling', [x], mul(x, constant(new Float32Array(CORRECTION), [3]))) : x;
}

/** An inverted residual with a gate: expand, filter each channel, gate, project. */
function block(
  input: Value,
  layers: Layers,
  prefix: string,
  { kernel: size, stride, expand, filters }: Stage,
): Value {
  const channels = input.shape[3];
  const kernel: Pair = [size, size];
  const pointwise = (x: Value, width: number, part: string): Value => {
    const name = `${prefix}${part}`;
    const convolved = layers.conv(x, { filters: width, kernel: [1, 1], bias: false, name: `${name}_conv` });
    return layers.batchNorm(convolved, { name: `${name}_bn` });
  };
  let x = input;
  if (expand !== 1) {
    x = pointwise(x, channels * expand, 'expand');
    x = layers.activation(x, 'swish', `${prefix}expand_activation`);
  }
  if (stride === 2) x = layers.zeroPadding(x, correctPad(x.shape, kernel), `${prefix}dwconv_pad`);
  x = layers.depthwiseConv(x, {
    kernel,
    strides: [stride, stride],
    padding: stride === 2 ? 'valid' : 'same',
    name: `${prefix}dwconv`,
  });
  x = layers.activation(layers.batchNorm(x, { name: `${prefix}bn` }), 'swish', `${prefix}activation`);
  x = squeezeExcite(x, layers, prefix, Math.max(1, Math.floor(channels / 4)));
  x = pointwise(x, filters, 'project');
  return stride === 1 && channels === filters ? layers.add(x, input, `${prefix}add`) : x;
}

export const EFFICIENTNET: readonly BackboneDefinition[] = [
  { number: 0, width: 1, depth: 1, size: 224, hash: '50bc09e76180e00e4465e1a485ddc09d' },
  { number: 1, width: 1, depth: 1.1, size: 240, hash: '74c4e6b3e1f6a1eea24c589628592432' },
  { number: 2, width: 1.1, depth: 1.2, size: 260, hash: '111f8e2ac8aa800a7a99e3239f7bfb39' },
  { number: 3, width: 1.2, depth: 1.4, size: 300, hash: 'af6d107764bb5b1abb91932881670226' },
  { number: 4, width: 1.4, depth: 1.8, size: 380, hash: 'ebc24e6d6c33eaebbd558eafbeedf1ba' },
  { number: 5, width: 1.6, depth: 2.2, size: 456, hash: '38879255a25d3c92d5e44e04ae6cec6f' },
  { number: 6, width: 1.8, depth: 2.6, size: 528, hash: '9ecce42647a20130c1f39a5d4cb75743' },
  { number: 7, width: 2, depth: 3.1, size: 600, hash: 'cbcfe4450ddf6f3ad90b1b398090fe4a' },
].map(efficientnet);
