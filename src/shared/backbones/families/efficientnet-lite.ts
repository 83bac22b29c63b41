/**
 * EfficientNet-Lite: EfficientNet without squeeze-and-excitation and with ReLU6. The network is that of tensorflow/tpu,
 * models/official/efficientnet/lite (checked against efficientnet-lite-pytorch 0.1.0); layers are named as in
 * keras/src/applications/efficientnet.py.
 */
import type { Value } from '../../graph/value.ts';
import type { BackboneDefinition } from '../backbone.ts';
import type { Layers } from '../layers.ts';
import { DEPTHS, STAGES, type Stage } from './efficientnet.ts';

export const EFFICIENTNET_LITE0: BackboneDefinition = {
  name: 'efficientnet_lite0',
  kerasName: 'EfficientNetLite0',
  size: 224,
  minimumSize: 32,
  preprocessing: 'efficientnet-lite',
  depths: DEPTHS,
  imagenet: () => ({ shipped: 'efficientnet_lite0.safetensors' }),
  build(image, layers) {
    let x = convBn(image, layers, { filters: 32, size: 3, stride: 2, name: 'stem' });
    x = layers.activation(x, 'relu6', 'stem_activation');
    STAGES.forEach((stage, index) => {
      for (let repeat = 0; repeat < stage.repeats; repeat++) {
        const name = `block${index + 1}${String.fromCharCode('a'.charCodeAt(0) + repeat)}`;
        x = block(x, layers, repeat === 0 ? stage : { ...stage, stride: 1 }, name);
      }
    });
    x = convBn(x, layers, { filters: 1280, size: 1, stride: 1, name: 'top' });
    return layers.activation(x, 'relu6', 'top_activation');
  },
};

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

/** An inverted residual: expand, filter each channel, project; with a shortcut where shapes allow it. */
function block(
  input: Value,
  layers: Layers,
  { kernel, stride, expand, filters }: Stage,
  name: string,
): Value {
  const channels = input.shape[3];
  let x = input;
  if (expand !== 1) {
    x = convBn(x, layers, { filters: channels * expand, size: 1, stride: 1, name: `${name}_expand` });
    x = layers.activation(x, 'relu6', `${name}_expand_activation`);
  }
  x = layers.depthwiseConv(x, {
    kernel: [kernel, kernel],
    strides: [stride, stride],
    padding: 'same',
    name: `${name}_dwconv`,
  });
  x = layers.activation(layers.batchNorm(x, { name: `${name}_bn` }), 'relu6', `${name}_activation`);
  x = convBn(x, layers, { filters, size: 1, stride: 1, name: `${name}_project` });
  return stride === 1 && channels === filters ? layers.add(x, input, `${name}_add`) : x;
}
