/** EfficientNetV2 (Tan & Le 2021), as in keras/src/applications/efficientnet_v2.py. */

import type { Value } from '../../graph/value.ts';
import { type BackboneDefinition, KERAS_FILES } from '../backbone.ts';
import type { Layers } from '../layers.ts';
import { LISTING, squeezeExcite } from './squeeze-excite.ts';

/** Repeats, stride of the first block, expansion, filters; fused blocks have one convolution for two and no gate. */
type Stage = readonly [
  kind: 'fused' | 'gated',
  repeats: number,
  stride: number,
  expand: number,
  filters: number,
];

const B_STAGES: readonly Stage[] = [
  ['fused', 1, 1, 1, 16],
  ['fused', 2, 2, 4, 32],
  ['fused', 2, 2, 4, 48],
  ['gated', 3, 2, 4, 96],
  ['gated', 5, 1, 6, 112],
  ['gated', 8, 2, 6, 192],
];

const S_STAGES: readonly Stage[] = [
  ['fused', 2, 1, 1, 24],
  ['fused', 4, 2, 4, 48],
  ['fused', 4, 2, 4, 64],
  ['gated', 6, 2, 4, 128],
  ['gated', 9, 1, 6, 160],
  ['gated', 15, 2, 6, 256],
];

const M_STAGES: readonly Stage[] = [
  ['fused', 3, 1, 1, 24],
  ['fused', 5, 2, 4, 48],
  ['fused', 5, 2, 4, 80],
  ['gated', 7, 2, 4, 160],
  ['gated', 14, 1, 6, 176],
  ['gated', 18, 2, 6, 304],
  ['gated', 5, 1, 6, 512],
];

const L_STAGES: readonly Stage[] = [
  ['fused', 4, 1, 1, 32],
  ['fused', 7, 2, 4, 64],
  ['fused', 7, 2, 4, 96],
  ['gated', 10, 2, 4, 192],
  ['gated', 19, 1, 6, 224],
  ['gated', 25, 2, 6, 384],
  ['gated', 7, 1, 6, 640],
];

interface V2Variant {
  size: string;
  stages: readonly Stage[];
  stem: number;
  width?: number;
  depth?: number;
  pixels: number;
  hash: string;
}

function efficientnetV2(variant: V2Variant): BackboneDefinition {
  const { size, stages, stem, width = 1, depth = 1, pixels, hash } = variant;
  const file = `efficientnetv2-${size.toLowerCase()}_notop.h5`;
  /** To the nearest multiple of 8; unlike elsewhere, however far below that is. */
  const scaled = (filters: number): number => Math.max(8, Math.floor((filters * width + 4) / 8) * 8);
  return {
    name: `efficientnet_v2_${size.toLowerCase()}`,
    kerasName: `EfficientNetV2${size}`,
    size: pixels,
    minimumSize: 32,
    preprocessing: size.startsWith('B') ? 'torch' : 'x/128-1',
    batchNormMomentum: 0.9,
    // The gated stages: each widens the end of the stage before it.
    depths: stages.flatMap(([kind], at) => (kind === 'gated' ? [`block${at + 1}a_expand_activation`] : [])),
    listing: { ...LISTING, start: size.startsWith('B') ? ['rescaling', 'normalization'] : ['rescaling'] },
    inside: { rescaling: 1, normalization: Number(size.startsWith('B')) },
    imagenet: () => ({ file, address: `${KERAS_FILES}/efficientnet_v2/${file}`, hash }),
    build(image, layers) {
      let x = layers.conv(image, {
        filters: scaled(stem),
        kernel: [3, 3],
        strides: [2, 2],
        padding: 'same',
        bias: false,
        name: 'stem_conv',
      });
      x = layers.activation(layers.batchNorm(x, { name: 'stem_bn' }), 'swish', 'stem_activation');
      stages.forEach(([kind, repeats, stride, expand, filters], index) => {
        for (let repeat = 0; repeat < Math.ceil(depth * repeats); repeat++) {
          x = BLOCKS[kind](x, layers, {
            prefix: `block${index + 1}${String.fromCharCode('a'.charCodeAt(0) + repeat)}_`,
            stride: repeat === 0 ? stride : 1,
            expand,
            filters: scaled(filters),
          });
        }
      });
      x = layers.conv(x, { filters: scaled(1280), kernel: [1, 1], bias: false, name: 'top_conv' });
      return layers.activation(layers.batchNorm(x, { name: 'top_bn' }), 'swish', 'top_activation');
    },
  };
}

interface Block {
  prefix: string;
  stride: number;
  expand: number;
  filters: number;
}

const BLOCKS = { fused, gated };

function gated(input: Value, layers: Layers, { prefix, stride, expand, filters }: Block): Value {
  const channels = input.shape[3];
  let x = convBn(input, layers, { filters: channels * expand, size: 1, stride: 1, name: `${prefix}expand` });
  x = layers.activation(x, 'swish', `${prefix}expand_activation`);
  x = layers.depthwiseConv(x, {
    kernel: [3, 3],
    strides: [stride, stride],
    padding: 'same',
    name: `${prefix}dwconv2`,
  });
  x = layers.activation(layers.batchNorm(x, { name: `${prefix}bn` }), 'swish', `${prefix}activation`);
  x = squeezeExcite(x, layers, prefix, Math.max(1, Math.floor(channels / 4)));
  x = convBn(x, layers, { filters, size: 1, stride: 1, name: `${prefix}project` });
  return stride === 1 && channels === filters ? layers.add(x, input, `${prefix}add`) : x;
}

function fused(input: Value, layers: Layers, { prefix, stride, expand, filters }: Block): Value {
  const channels = input.shape[3];
  let x = input;
  if (expand === 1) {
    x = convBn(x, layers, { filters, size: 3, stride, name: `${prefix}project` });
    x = layers.activation(x, 'swish', `${prefix}project_activation`);
  } else {
    x = convBn(x, layers, { filters: channels * expand, size: 3, stride, name: `${prefix}expand` });
    x = layers.activation(x, 'swish', `${prefix}expand_activation`);
    x = convBn(x, layers, { filters, size: 1, stride: 1, name: `${prefix}project` });
  }
  return stride === 1 && channels === filters ? layers.add(x, input, `${prefix}add`) : x;
}

function convBn(
  x: Value,
  layers: Layers,
  { filters, size, stride, name }: { filters: number; size: number; stride: number; name: string },
): Value {
  const convolved = layers.conv(x, {
    filters,
    kernel: [size, size],
    strides: [stride, stride],
    padding: 'same',
    bias: false,
    name: `${name}_conv`,
  });
  return layers.batchNorm(convolved, { name: `${name}_bn` });
}

export const EFFICIENTNET_V2: readonly BackboneDefinition[] = [
  { size: 'B0', stages: B_STAGES, stem: 32, pixels: 224, hash: '893217f2bb855e2983157299931e43ff' },
  {
    size: 'B1',
    stages: B_STAGES,
    stem: 32,
    depth: 1.1,
    pixels: 240,
    hash: '0e80663031ca32d657f9caa404b6ec37',
  },
  {
    size: 'B2',
    stages: B_STAGES,
    stem: 32,
    width: 1.1,
    depth: 1.2,
    pixels: 260,
    hash: '1dfe2e7a5d45b6632553a8961ea609eb',
  },
  {
    size: 'B3',
    stages: B_STAGES,
    stem: 32,
    width: 1.2,
    depth: 1.4,
    pixels: 300,
    hash: 'f6abf7b5849ac99a89b50dd3fd532856',
  },
  { size: 'S', stages: S_STAGES, stem: 24, pixels: 384, hash: 'af0682fb74e8c54910f2d4393339c070' },
  { size: 'M', stages: M_STAGES, stem: 24, pixels: 480, hash: '1b8dc055df72dde80d614482840fe342' },
  { size: 'L', stages: L_STAGES, stem: 32, pixels: 480, hash: 'b0b66b5c863aef5b46e8608fe1711615' },
].map(efficientnetV2);
