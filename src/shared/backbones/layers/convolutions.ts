/** Convolutions and dense layers, with Keras's weights in Keras's order. */

import { ACTIVATION_FUNCTIONS } from '../../graph/activations.ts';
import * as build from '../../graph/build.ts';
import type { ConvolutionAttributes, Shape, Value } from '../../graph/value.ts';
import type { LayerActivation } from './activations.ts';
import type { Network } from './network.ts';
import { insertedBatchNorm } from './normalizations.ts';
import { type Padding, type Pair, spatialPadding } from './padding.ts';

interface WindowOptions {
  strides?: Pair;
  padding?: Padding;
  name?: string;
}

interface ConvOptions extends WindowOptions {
  filters: number;
  kernel: Pair;
  bias?: boolean;
  /** Applied inside the layer, as Conv2D(activation=...) does. */
  activation?: LayerActivation;
  /** Whether it is part of a gate, where no batch-norm is ever inserted. */
  gate?: boolean;
}

interface DepthwiseConvOptions extends WindowOptions {
  kernel: Pair;
}

interface SeparableConvOptions extends DepthwiseConvOptions {
  filters: number;
}

export interface Convolutions {
  conv(x: Value, options: ConvOptions): Value;
  /** Conv2D with as many groups and filters as channels: DepthwiseConv2D with a bias, its kernel saved as Conv2D's is. */
  groupedConv(x: Value, options: DepthwiseConvOptions): Value;
  /** Without a bias. */
  depthwiseConv(x: Value, options: DepthwiseConvOptions): Value;
  /** A depthwise and a 1x1 convolution, without a bias. */
  separableConv(x: Value, options: SeparableConvOptions): Value;
  /** Over the channels of an image: a 1x1 convolution whose kernel is saved as Dense's is. */
  dense(x: Value, options: { units: number; name?: string }): Value;
}

export function convolutions(network: Network): Convolutions {
  return {
    conv(x, { filters, kernel, bias = true, activation, gate = false, name, ...window }) {
      const layer = network.start('conv2d', name);
      const kernelValue = layer.value('kernel', [...kernel, x.shape[3], filters]);
      const biasValue = bias ? layer.value('bias', [filters]) : undefined;
      const { image, attributes } = slid(x, kernel, window);
      const convolved = build.conv2d(image, kernelValue, biasValue, attributes);
      if (!activation) return layer.give([x], convolved);
      const activate = ACTIVATION_FUNCTIONS[activation];
      if (gate || !network.changes.insertedBatchNorm?.isBehind(layer.name))
        return layer.give([x], activate(convolved));
      const normalized = insertedBatchNorm(network, layer, layer.give([x], convolved));
      const separate = network.start('activation', `${layer.name}_${activation}`);
      const activated = separate.give([normalized], activate(normalized));
      // Whoever asks for the convolution's output means what its activation gives, as in the published network.
      network.rename(layer.name, activated);
      return activated;
    },

    groupedConv(x, { kernel, name, ...window }) {
      const layer = network.start('conv2d', name);
      const channels = x.shape[3];
      const kernelValue = layer.value('kernel', [...kernel, 1, channels], [...kernel, channels, 1]);
      const { image, attributes } = slid(x, kernel, window);
      const bias = layer.value('bias', [channels]);
      return layer.give([x], build.depthwiseConv2d(image, kernelValue, bias, attributes));
    },

    depthwiseConv(x, { kernel, name, ...window }) {
      const layer = network.start('depthwise_conv2d', name);
      const kernelValue = layer.value('depthwise_kernel', [...kernel, x.shape[3], 1]);
      const { image, attributes } = slid(x, kernel, window);
      return layer.give([x], build.depthwiseConv2d(image, kernelValue, undefined, attributes));
    },

    separableConv(x, { filters, kernel, name, ...window }) {
      const layer = network.start('separable_conv2d', name);
      const channels = x.shape[3];
      const depthwise = layer.value('depthwise_kernel', [...kernel, channels, 1]);
      const pointwise = layer.value('pointwise_kernel', [1, 1, channels, filters]);
      const { image, attributes } = slid(x, kernel, window);
      const spread = build.depthwiseConv2d(image, depthwise, undefined, attributes);
      return layer.give([x], build.conv2d(spread, pointwise, undefined, slid(spread, [1, 1], {}).attributes));
    },

    dense(x, { units, name }) {
      const layer = network.start('dense', name);
      const channels = x.shape[3];
      const kernel = layer.value('kernel', [channels, units], [1, 1, channels, units]);
      const bias = layer.value('bias', [units]);
      return layer.give([x], build.conv2d(x, kernel, bias, slid(x, [1, 1], {}).attributes));
    },
  };
}

/** The image that a window moves over, and how. Zeros added by a layer before are the convolution's own padding. */
function slid(
  x: Value,
  window: Pair,
  { strides = [1, 1], padding = 'valid' }: WindowOptions,
): { image: Value; attributes: ConvolutionAttributes } {
  const absorbed = padding === 'valid' && isPad(x);
  const image = absorbed ? x.inputs[0] : x;
  const shape: Shape = image.shape;
  const zeros = absorbed ? x.attributes.padding : spatialPadding(shape, window, strides, padding);
  return { image, attributes: { strides, padding: zeros, dilations: [1, 1] } };
}

function isPad(x: Value): x is Value<'pad'> {
  return x.op === 'pad';
}
