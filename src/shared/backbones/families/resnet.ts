/** ResNet with bottleneck blocks (He et al. 2015), as in keras/src/applications/resnet.py. */
import type { Value } from '../../graph/value.ts';
import { type BackboneDefinition, KERAS_FILES } from '../backbone.ts';
import type { Layers } from '../layers.ts';

interface ResnetVariant {
  name: string;
  kerasName: string;
  /** Blocks in each of the four stacks. */
  blocks: readonly number[];
  hash: string;
}

/** Filters of the stacks' inner convolutions; a block's output has four times as many. */
const FILTERS = [64, 128, 256, 512];
/** Of all batch-norms here, by Keras's own code. */
const EPSILON = 1.001e-5;

function resnet({ name, kerasName, blocks, hash }: ResnetVariant): BackboneDefinition {
  const file = `${name}_weights_tf_dim_ordering_tf_kernels_notop.h5`;
  return {
    name,
    kerasName,
    size: 224,
    minimumSize: 32,
    preprocessing: 'caffe',
    depths: blocks.slice(0, -1).map((count, stack) => `conv${stack + 2}_block${count}_out`),
    // The convolution and the pooling here have their zeros themselves.
    listing: { start: ['conv1_pad'], before: [[/^pool1_pool$/, 'pool1_pad']] },
    imagenet: () => ({ file, address: `${KERAS_FILES}/resnet/${file}`, hash }),
    build(image, layers) {
      let x = layers.conv(image, {
        filters: 64,
        kernel: [7, 7],
        strides: [2, 2],
        padding: [3, 3, 3, 3],
        name: 'conv1_conv',
      });
      x = layers.batchNorm(x, { epsilon: EPSILON, name: 'conv1_bn' });
      x = layers.activation(x, 'relu', 'conv1_relu');
      // Keras pads with zeros here; behind a ReLU the maximum is the same.
      x = layers.maxPool(x, { window: [3, 3], strides: [2, 2], padding: [1, 1, 1, 1], name: 'pool1_pool' });
      blocks.forEach((count, stack) => {
        for (let index = 1; index <= count; index++) {
          const stride = index === 1 && stack > 0 ? 2 : 1;
          x = bottleneck(x, layers, `conv${stack + 2}_block${index}`, FILTERS[stack], stride, index === 1);
        }
      });
      return x;
    },
    olderLayerName,
  };
}

function bottleneck(
  input: Value,
  layers: Layers,
  block: string,
  filters: number,
  stride: number,
  project: boolean,
): Value {
  const convBatchNorm = (x: Value, part: number, width: number, size: number, step = 1): Value => {
    const convolved = layers.conv(x, {
      filters: width,
      kernel: [size, size],
      strides: [step, step],
      padding: 'same',
      name: `${block}_${part}_conv`,
    });
    return layers.batchNorm(convolved, { epsilon: EPSILON, name: `${block}_${part}_bn` });
  };
  const shortcut = project ? convBatchNorm(input, 0, 4 * filters, 1, stride) : input;
  let x = convBatchNorm(input, 1, filters, 1, stride);
  x = layers.activation(x, 'relu', `${block}_1_relu`);
  x = convBatchNorm(x, 2, filters, 3);
  x = layers.activation(x, 'relu', `${block}_2_relu`);
  x = convBatchNorm(x, 3, 4 * filters, 1);
  x = layers.add(shortcut, x, `${block}_add`);
  return layers.activation(x, 'relu', `${block}_out`);
}

/** The names of 2015, which Keras files carried until 2019: `res2a_branch2a`, `bn2a_branch1` ... */
function olderLayerName(layer: string): string {
  if (layer === 'conv1_conv') return 'conv1';
  if (layer === 'conv1_bn') return 'bn_conv1';
  return layer.replace(/^conv(\d)_block(\d+)_(\d)_(conv|bn)$/, (_, stack, block, part, kind) => {
    const letter = String.fromCharCode('a'.charCodeAt(0) + Number(block) - 1);
    const branch = part === '0' ? 'branch1' : `branch2${' abc'[Number(part)]}`;
    return `${kind === 'conv' ? 'res' : 'bn'}${stack}${letter}_${branch}`;
  });
}

export const RESNET: readonly BackboneDefinition[] = [
  resnet({
    name: 'resnet50',
    kerasName: 'ResNet50',
    blocks: [3, 4, 6, 3],
    hash: '4d473c1dd8becc155b73f8504c6f6626',
  }),
  resnet({
    name: 'resnet101',
    kerasName: 'ResNet101',
    blocks: [3, 4, 23, 3],
    hash: '88cf7a10940856eca736dc7b7e228a21',
  }),
  resnet({
    name: 'resnet152',
    kerasName: 'ResNet152',
    blocks: [3, 8, 36, 3],
    hash: 'ee4c566cf9a93f14d82f913c2dc6dd0c',
  }),
];
