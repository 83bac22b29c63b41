/** MobileNetV2 (Sandler et al. 2018), as in keras/src/applications/mobilenet_v2.py. */

import type { Value } from '../../graph/value.ts';
import { type BackboneDefinition, KERAS_FILES, publishedSize } from '../backbone.ts';
import { correctPad } from '../layers/padding.ts';
import type { Layers } from '../layers.ts';
import { makeDivisible } from './widths.ts';

/** Widths with published weights. */
const ALPHAS = [1, 1.4, 1.3, 0.75, 0.5, 0.35];
/** Sizes of square images with weights of their own. */
const SIZES = [96, 128, 160, 192, 224];

interface Stage {
  repeats: number;
  /** Of the first block; the others have 1. */
  stride: number;
  filters: number;
}

const STAGES: readonly Stage[] = [
  { repeats: 1, stride: 1, filters: 16 },
  { repeats: 2, stride: 2, filters: 24 },
  { repeats: 3, stride: 2, filters: 32 },
  { repeats: 4, stride: 2, filters: 64 },
  { repeats: 3, stride: 1, filters: 96 },
  { repeats: 3, stride: 2, filters: 160 },
  { repeats: 1, stride: 1, filters: 320 },
];

function mobilenetV2(alpha: number): BackboneDefinition {
  const suffix = alpha === 1 ? '' : `_${alpha}`;
  return {
    name: `mobilenet_v2${suffix}`,
    kerasName: `MobileNetV2${suffix}`,
    size: 224,
    minimumSize: 32,
    preprocessing: 'tf',
    batchNormMomentum: 0.999,
    // Where stages four to seven widen the end of the stage before them.
    depths: [6, 10, 13, 16].map((block) => `block_${block}_expand_relu`),
    imagenet(size) {
      const width = alpha === 1 ? '1.0' : alpha;
      const file = `mobilenet_v2_weights_tf_dim_ordering_tf_kernels_${width}_${publishedSize(size, SIZES)}_no_top.h5`;
      return { file, address: `${KERAS_FILES}/mobilenet_v2/${file}` };
    },
    build(image, layers) {
      let x = layers.conv(image, {
        filters: makeDivisible(32 * alpha),
        kernel: [3, 3],
        strides: [2, 2],
        padding: 'same',
        bias: false,
        name: 'Conv1',
      });
      x = layers.activation(layers.batchNorm(x, { name: 'bn_Conv1' }), 'relu6', 'Conv1_relu');
      let id = 0;
      for (const { repeats, stride, filters } of STAGES) {
        for (let repeat = 0; repeat < repeats; repeat++) {
          const width = makeDivisible(Math.trunc(filters * alpha));
          x = block(x, layers, { id: id++, stride: repeat === 0 ? stride : 1, filters: width });
        }
      }
      const last = alpha > 1 ? makeDivisible(1280 * alpha) : 1280;
      x = layers.conv(x, { filters: last, kernel: [1, 1], bias: false, name: 'Conv_1' });
      return layers.activation(layers.batchNorm(x, { name: 'Conv_1_bn' }), 'relu6', 'out_relu');
    },
  };
}

/** Expand sixfold (not in the first block), filter each channel, project; with a shortcut where shapes allow it. */
function block(
  input: Value,
  layers: Layers,
  { id, stride, filters }: { id: number; stride: number; filters: number },
): Value {
  const prefix = id === 0 ? 'expanded_conv_' : `block_${id}_`;
  const channels = input.shape[3];
  const pointwise = (x: Value, width: number, part: string): Value => {
    const name = `${prefix}${part}`;
    const convolved = layers.conv(x, { filters: width, kernel: [1, 1], bias: false, name });
    return layers.batchNorm(convolved, { name: `${name}_BN` });
  };
  let x = input;
  if (id > 0) x = layers.activation(pointwise(x, 6 * channels, 'expand'), 'relu6', `${prefix}expand_relu`);
  if (stride === 2) x = layers.zeroPadding(x, correctPad(x.shape, [3, 3]), `${prefix}pad`);
  x = layers.depthwiseConv(x, {
    kernel: [3, 3],
    strides: [stride, stride],
    padding: stride === 1 ? 'same' : 'valid',
    name: `${prefix}depthwise`,
  });
  x = layers.batchNorm(x, { name: `${prefix}depthwise_BN` });
  x = layers.activation(x, 'relu6', `${prefix}depthwise_relu`);
  x = pointwise(x, filters, 'project');
  return channels === filters && stride === 1 ? layers.add(input, x, `${prefix}add`) : x;
}

export const MOBILENET_V2: readonly BackboneDefinition[] = ALPHAS.map(mobilenetV2);
