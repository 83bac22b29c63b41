/** MobileNetV3 (Howard et al. 2019), as in keras/src/applications/mobilenet_v3.py. */

import { add, clip, mul, relu, scalar } from '../../graph/build.ts';
import type { Value } from '../../graph/value.ts';
import { type BackboneDefinition, KERAS_FILES } from '../backbone.ts';
import { correctPad } from '../layers/padding.ts';
import type { Layers } from '../layers.ts';
import { makeDivisible } from './widths.ts';

interface Block {
  expand: number;
  filters: number;
  /** `wide`: 5, or 3 in a minimalistic network. */
  kernel: 3 | 'wide';
  stride: number;
  /** Squeeze and excitation, except in a minimalistic network. */
  gate: boolean;
  /** Hard swish, except in a minimalistic network; else ReLU. */
  swish: boolean;
}

const b = (
  expand: number,
  filters: number,
  kernel: 3 | 'wide',
  stride: number,
  gate: boolean,
  swish: boolean,
): Block => ({ expand, filters, kernel, stride, gate, swish });

const SMALL: readonly Block[] = [
  b(1, 16, 3, 2, true, false),
  b(72 / 16, 24, 3, 2, false, false),
  b(88 / 24, 24, 3, 1, false, false),
  b(4, 40, 'wide', 2, true, true),
  b(6, 40, 'wide', 1, true, true),
  b(6, 40, 'wide', 1, true, true),
  b(3, 48, 'wide', 1, true, true),
  b(3, 48, 'wide', 1, true, true),
  b(6, 96, 'wide', 2, true, true),
  b(6, 96, 'wide', 1, true, true),
  b(6, 96, 'wide', 1, true, true),
];

const LARGE: readonly Block[] = [
  b(1, 16, 3, 1, false, false),
  b(4, 24, 3, 2, false, false),
  b(3, 24, 3, 1, false, false),
  b(3, 40, 'wide', 2, true, false),
  b(3, 40, 'wide', 1, true, false),
  b(3, 40, 'wide', 1, true, false),
  b(6, 80, 3, 2, false, true),
  b(2.5, 80, 3, 1, false, true),
  b(2.3, 80, 3, 1, false, true),
  b(2.3, 80, 3, 1, false, true),
  b(6, 112, 3, 1, true, true),
  b(6, 112, 3, 1, true, true),
  b(6, 160, 'wide', 2, true, true),
  b(6, 160, 'wide', 1, true, true),
  b(6, 160, 'wide', 1, true, true),
];

/** Where stages widen the end of the stage before them, from an eighth of the image on: blocks 3, 6, 8 and 6, 10, 12. */
const DEPTHS = {
  Small: {
    usual: ['activation_1', 'activation_7', 'activation_11'],
    minimalistic: ['re_lu_6', 're_lu_12', 're_lu_16'],
  },
  Large: {
    usual: ['activation_1', 'activation_9', 'activation_13'],
    minimalistic: ['re_lu_12', 're_lu_20', 're_lu_24'],
  },
} as const;

interface V3Variant {
  size: 'Small' | 'Large';
  alpha?: number;
  minimalistic?: boolean;
  hash: string;
}

function mobilenetV3({ size, alpha = 1, minimalistic = false, hash }: V3Variant): BackboneDefinition {
  const suffix = minimalistic ? '_minimalistic' : alpha === 1 ? '' : `_${alpha}`;
  const file = `weights_mobilenet_v3_${size.toLowerCase()}${minimalistic ? '_minimalistic' : ''}_224_${alpha === 1 ? '1.0' : alpha}_float_no_top_v2.h5`;
  return {
    name: `mobilenet_v3_${size.toLowerCase()}${suffix}`,
    kerasName: `MobileNetV3${size}${suffix}`,
    size: 224,
    minimumSize: 32,
    preprocessing: 'tf',
    batchNormMomentum: 0.999,
    depths: DEPTHS[size][minimalistic ? 'minimalistic' : 'usual'],
    // The hard sigmoids of its gates are bare operations.
    listing: { start: ['rescaling'], unlisted: /^(add|multiply)(_\d+)?$/ },
    inside: { rescaling: 1, normalization: 0 },
    imagenet: () => ({ file, address: `${KERAS_FILES}/mobilenet_v3/${file}`, hash }),
    build(image, layers) {
      const activate = (x: Value, swish: boolean): Value =>
        swish && !minimalistic ? layers.activation(x, 'hard_swish') : layers.layer('re_lu', [x], relu(x));
      let x = layers.conv(image, {
        filters: 16,
        kernel: [3, 3],
        strides: [2, 2],
        padding: 'same',
        bias: false,
        name: 'conv',
      });
      x = activate(layers.batchNorm(x, { name: 'conv_bn' }), true);
      for (const [id, block] of (size === 'Small' ? SMALL : LARGE).entries()) {
        x = invertedResidual(x, layers, {
          prefix: id === 0 ? 'expanded_conv_' : `expanded_conv_${id}_`,
          expand: id > 0,
          width: makeDivisible(x.shape[3] * block.expand),
          filters: makeDivisible(block.filters * alpha),
          kernel: block.kernel === 3 || minimalistic ? 3 : 5,
          stride: block.stride,
          gate: block.gate && !minimalistic,
          activate: (value) => activate(value, block.swish),
        });
      }
      const filters = makeDivisible(x.shape[3] * 6);
      x = layers.conv(x, { filters, kernel: [1, 1], bias: false, name: 'conv_1' });
      return activate(layers.batchNorm(x, { name: 'conv_1_bn' }), true);
    },
  };
}

interface Residual {
  prefix: string;
  expand: boolean;
  /** Channels inside the block. */
  width: number;
  filters: number;
  kernel: number;
  stride: number;
  gate: boolean;
  activate: (x: Value) => Value;
}

function invertedResidual(input: Value, layers: Layers, block: Residual): Value {
  const { prefix, width, filters, stride, activate } = block;
  const kernel = [block.kernel, block.kernel] as const;
  const pointwise = (x: Value, channels: number, part: string): Value => {
    const name = `${prefix}${part}`;
    const convolved = layers.conv(x, { filters: channels, kernel: [1, 1], bias: false, name });
    return layers.batchNorm(convolved, { name: `${name}_bn` });
  };
  let x = block.expand ? activate(pointwise(input, width, 'expand')) : input;
  if (stride === 2) x = layers.zeroPadding(x, correctPad(x.shape, kernel), `${prefix}depthwise_pad`);
  x = layers.depthwiseConv(x, {
    kernel,
    strides: [stride, stride],
    padding: stride === 1 ? 'same' : 'valid',
    name: `${prefix}depthwise`,
  });
  x = activate(layers.batchNorm(x, { name: `${prefix}depthwise_bn` }));
  if (block.gate) x = squeezeExcite(x, layers, `${prefix}squeeze_excite_`);
  x = pointwise(x, filters, 'project');
  return stride === 1 && input.shape[3] === filters ? layers.add(input, x, `${prefix}add`) : x;
}

function squeezeExcite(input: Value, layers: Layers, prefix: string): Value {
  const channels = input.shape[3];
  let x = layers.globalAvgPool(input, `${prefix}avg_pool`);
  x = layers.conv(x, { filters: makeDivisible(channels / 4), kernel: [1, 1], name: `${prefix}conv` });
  x = layers.layer('re_lu', [x], relu(x), `${prefix}relu`);
  x = layers.conv(x, { filters: channels, kernel: [1, 1], name: `${prefix}conv_1` });
  // Keras writes the hard sigmoid in single operations.
  x = layers.layer('add', [x], add(x, scalar(3)));
  x = layers.layer('re_lu', [x], clip(x, { min: 0, max: 6 }));
  x = layers.layer('multiply', [x], mul(x, scalar(1 / 6)));
  return layers.multiply(input, x, `${prefix}mul`);
}

export const MOBILENET_V3: readonly BackboneDefinition[] = [
  mobilenetV3({ size: 'Small', hash: 'd3e8ec802a04aa4fc771ee12a9a9b836' }),
  mobilenetV3({ size: 'Small', alpha: 0.75, hash: 'ebdb5cc8e0b497cd13a7c275d475c819' }),
  mobilenetV3({ size: 'Small', minimalistic: true, hash: 'cde8136e733e811080d9fcd8a252f7e4' }),
  mobilenetV3({ size: 'Large', hash: '07fb09a5933dd0c8eaafa16978110389' }),
  mobilenetV3({ size: 'Large', alpha: 0.75, hash: '40af19a13ebea4e2ee0c676887f69a2e' }),
  mobilenetV3({ size: 'Large', minimalistic: true, hash: 'ec5221f64a2f6d1ef965a614bdae7973' }),
];
