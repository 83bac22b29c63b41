/** Keras's layers by their classes: from the settings that a configuration has to the pieces that backbones are made of. */

import type { Fields } from '../../fields.ts';
import { add, clip, mul, relu, scalar, slice } from '../../graph/build.ts';
import type { SpatialPadding, Value } from '../../graph/value.ts';
import { LAYER_ACTIVATIONS, type LayerActivation } from '../layers/activations.ts';
import type { Padding, Pair } from '../layers/padding.ts';
import type { Layers } from '../layers.ts';

/** One call of a layer. */
export interface LayerCall {
  readonly layers: Layers;
  /** The layer's own, among those that were traced. */
  readonly name: string;
  readonly settings: Fields;
  readonly inputs: readonly Value[];
  /** Numbers that an operation is called with, in place of a tensor. */
  readonly numbers: readonly number[];
  /** Whether colours are the first axis, not the last: numbers are the same. */
  readonly channelsFirst: boolean;
}

/** The output, or why it cannot be had: a setting that no network here has. */
export type LayerResult = Value | string;
type LayerRule = (call: LayerCall) => LayerResult;

/** What does nothing when a network is used. */
const AT_TRAINING_ONLY = [
  'Dropout',
  'SpatialDropout2D',
  'AlphaDropout',
  'GaussianDropout',
  'GaussianNoise',
  'ActivityRegularization',
  'StochasticDepth',
  'FixedDropout',
  'Identity',
  'InputLayer',
];

const ACTIVATION_NAMES: ReadonlyMap<unknown, LayerActivation | 'linear'> = new Map([
  ...LAYER_ACTIVATIONS.map((name) => [name, name] as const),
  ['silu', 'swish'],
  ['hard_silu', 'hard_swish'],
  ['linear', 'linear'],
  [null, 'linear'],
  [undefined, 'linear'],
]);

export const LAYER_TABLE: ReadonlyMap<string, LayerRule> = new Map<string, LayerRule>([
  ...AT_TRAINING_ONLY.map((kind) => [kind, ({ inputs: [x] }: LayerCall) => x] as const),
  ['Conv2D', convolution],
  ['DepthwiseConv2D', depthwise],
  ['SeparableConv2D', separable],
  ['Dense', dense],
  ['BatchNormalization', batchNorm],
  ['LayerNormalization', layerNorm],
  ['LayerScale', ({ layers, inputs: [x], name }) => layers.layerScale(x, name)],
  [
    'Activation',
    ({ layers, inputs: [x], settings, name }) => activated(x, settings.activation, layers, name),
  ],
  ['ReLU', rectified],
  ['ZeroPadding2D', zeroPadding],
  ['Cropping2D', cropping],
  ['MaxPooling2D', pooling('maxPool')],
  ['AveragePooling2D', pooling('avgPool')],
  ['GlobalAveragePooling2D', ({ layers, inputs: [x], name }) => layers.globalAvgPool(x, name)],
  ['GlobalMaxPooling2D', ({ layers, inputs: [x], name }) => layers.globalMaxPool(x, name)],
  ['Reshape', reshaped],
  ['Concatenate', concatenation],
  ['Add', summed],
  ['Multiply', multiplied],
  ['CustomScaleLayer', ({ settings, ...call }) => scaledSum({ ...call, settings }, settings.scale)],
  [
    'Lambda',
    ({ settings, ...call }) =>
      scaledSum({ ...call, settings }, (settings.arguments as Fields | undefined)?.scale),
  ],
  [
    'TFOpLambda',
    (call) =>
      TENSORFLOW_OPERATIONS.get(String(call.settings.function))?.(call) ??
      'is an operation that permafrost does not support',
  ],
]);

/** Single operations as Keras 2 saves them. */
const TENSORFLOW_OPERATIONS: ReadonlyMap<string, LayerRule> = new Map<string, LayerRule>([
  ['__operators__.add', summed],
  ['math.add', summed],
  ['math.multiply', multiplied],
  ['__operators__.mul', multiplied],
]);

/** A setting of a value that no network here has. */
const other = (settings: Fields, name: string): string => `has ${name} ${JSON.stringify(settings[name])}`;

function pair(value: unknown): Pair | undefined {
  if (typeof value === 'number') return [value, value];
  return Array.isArray(value) && value.length === 2 && value.every(Number.isSafeInteger)
    ? [value[0], value[1]]
    : undefined;
}

const isOne = (value: unknown): boolean =>
  [value].flat().every((entry) => entry === 1 || entry === undefined);

/** The settings of a window: a text where one of them is no network's here. */
function window(settings: Fields, size: string): { kernel: Pair; strides: Pair; padding: Padding } | string {
  const kernel = pair(settings[size]);
  const strides = pair(settings.strides ?? kernel);
  const padding = settings.padding ?? settings.border_mode ?? 'valid';
  if (!kernel || !strides || [...kernel, ...strides].some((length) => length < 1 || length > 1024))
    return other(settings, size);
  if (!isOne(settings.dilation_rate)) return other(settings, 'dilation_rate');
  return padding === 'same' || padding === 'valid'
    ? { kernel, strides, padding }
    : other(settings, 'padding');
}

function activated(x: Value, saved: unknown, layers: Layers, name: string): LayerResult {
  const activation = ACTIVATION_NAMES.get(saved);
  if (!activation) return `has activation ${JSON.stringify(saved)}`;
  if (activation === 'linear') return x;
  return layers.activation(x, activation, name);
}

/** The output of a layer with the activation that its settings have. */
function withActivation({ layers, name, settings }: LayerCall, x: Value): LayerResult {
  return activated(x, settings.activation, layers, `${name}:activation`);
}

function convolution(call: LayerCall): LayerResult {
  const {
    layers,
    name,
    settings,
    inputs: [x],
  } = call;
  const slid = window(settings, 'kernel_size');
  if (typeof slid === 'string') return slid;
  const { filters, groups = 1, use_bias: bias = true } = settings;
  if (!isCount(filters)) return other(settings, 'filters');
  if (groups === 1)
    return withActivation(call, layers.conv(x, { ...slid, filters, bias: bias !== false, name }));
  if (groups !== filters || groups !== x.shape[3] || bias === false) return other(settings, 'groups');
  return withActivation(call, layers.groupedConv(x, { ...slid, name }));
}

function depthwise(call: LayerCall): LayerResult {
  const {
    layers,
    name,
    settings,
    inputs: [x],
  } = call;
  const slid = window(settings, 'kernel_size');
  if (typeof slid === 'string') return slid;
  if (!isOne(settings.depth_multiplier)) return other(settings, 'depth_multiplier');
  if (settings.use_bias !== false) return other(settings, 'use_bias');
  return withActivation(call, layers.depthwiseConv(x, { ...slid, name }));
}

function separable(call: LayerCall): LayerResult {
  const {
    layers,
    name,
    settings,
    inputs: [x],
  } = call;
  const slid = window(settings, 'kernel_size');
  if (typeof slid === 'string') return slid;
  const { filters } = settings;
  if (!isCount(filters)) return other(settings, 'filters');
  if (!isOne(settings.depth_multiplier)) return other(settings, 'depth_multiplier');
  if (settings.use_bias !== false) return other(settings, 'use_bias');
  return withActivation(call, layers.separableConv(x, { ...slid, filters, name }));
}

function dense(call: LayerCall): LayerResult {
  const {
    layers,
    name,
    settings,
    inputs: [x],
  } = call;
  const { units } = settings;
  if (!isCount(units)) return other(settings, 'units');
  if (settings.use_bias === false) return other(settings, 'use_bias');
  return withActivation(call, layers.dense(x, { units, name }));
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0 && (value as number) < 1e6;
}

/** Whether a normalisation is along the colours. */
function isChannelAxis(axis: unknown, channelsFirst: boolean): boolean {
  const [only, ...others] = [axis].flat();
  return others.length === 0 && (channelsFirst ? only === 1 : only === -1 || only === 3);
}

function batchNorm({ layers, name, settings, inputs: [x], channelsFirst }: LayerCall): LayerResult {
  if (!isChannelAxis(settings.axis ?? -1, channelsFirst)) return other(settings, 'axis');
  if (settings.center === false) return other(settings, 'center');
  const epsilon = settings.epsilon ?? 1e-3;
  if (typeof epsilon !== 'number') return other(settings, 'epsilon');
  return layers.batchNorm(x, { epsilon, scale: settings.scale !== false, name });
}

function layerNorm({ layers, name, settings, inputs: [x], channelsFirst }: LayerCall): LayerResult {
  if (!isChannelAxis(settings.axis ?? -1, channelsFirst)) return other(settings, 'axis');
  const whole = settings.center !== false && settings.scale !== false && !settings.rms_scaling;
  const { epsilon = 1e-3 } = settings;
  if (!whole || typeof epsilon !== 'number')
    return 'is a kind of layer normalization that permafrost does not support';
  return layers.layerNorm(x, { epsilon, name });
}

function rectified({ layers, name, settings, inputs: [x] }: LayerCall): LayerResult {
  for (const slope of ['negative_slope', 'threshold'])
    if ([settings[slope] ?? 0].flat(4).some((value) => value !== 0)) return other(settings, slope);
  const [limit] = [settings.max_value ?? null].flat(4);
  if (limit !== null && limit !== 6) return other(settings, 'max_value');
  return layers.layer('re_lu', [x], limit === 6 ? clip(x, { min: 0, max: 6 }) : relu(x), name);
}

/** Rows above and below, columns left and right. */
function sides(value: unknown): SpatialPadding | undefined {
  const rows = Array.isArray(value) ? pair(value[0]) : pair(value);
  const columns = Array.isArray(value) ? pair(value[1]) : pair(value);
  return rows && columns ? [...rows, ...columns] : undefined;
}

function zeroPadding({ layers, name, settings, inputs: [x] }: LayerCall): LayerResult {
  const padding = sides(settings.padding);
  return padding ? layers.zeroPadding(x, padding, name) : other(settings, 'padding');
}

function cropping({ layers, name, settings, inputs: [x] }: LayerCall): LayerResult {
  const cut = sides(settings.cropping);
  if (!cut) return other(settings, 'cropping');
  const [, height, width] = x.shape;
  let cropped = x;
  for (const [axis, start, end] of [
    [1, cut[0], height - cut[1]],
    [2, cut[2], width - cut[3]],
  ])
    if (start > 0 || end < x.shape[axis]) cropped = slice(cropped, { axis, start, end });
  return layers.layer('cropping2d', [x], cropped, name);
}

function pooling(kind: 'maxPool' | 'avgPool'): LayerRule {
  return ({ layers, name, settings, inputs: [x] }) => {
    const slid = window(settings, 'pool_size');
    if (typeof slid === 'string') return slid;
    const { kernel, ...others } = slid;
    return layers[kind](x, { window: kernel, ...others, name });
  };
}

/** Means of channels have rows and columns here anyway. */
function reshaped({ settings, inputs: [x] }: LayerCall): LayerResult {
  const shape = settings.target_shape;
  const channels = Array.isArray(shape) && shape.length === 3 ? shape.filter((size) => size !== 1) : [];
  const isSame =
    x.shape[1] === 1 &&
    x.shape[2] === 1 &&
    (channels.length === 0 || channels[0] === x.shape[3] || channels[0] === -1);
  return isSame && Array.isArray(shape) && shape.length === 3 ? x : other(settings, 'target_shape');
}

function concatenation({ layers, name, settings, inputs, channelsFirst }: LayerCall): LayerResult {
  return isChannelAxis(settings.axis ?? -1, channelsFirst)
    ? layers.concat(inputs, name)
    : other(settings, 'axis');
}

function summed({ layers, name, inputs: [a, b, c], numbers: [number] }: LayerCall): LayerResult {
  if (b && !c) return layers.add(a, b, name);
  return b || number === undefined
    ? 'has inputs that permafrost does not support'
    : layers.layer('add', [a], add(a, scalar(number)), name);
}

function multiplied({ layers, name, inputs: [a, b, c], numbers: [number] }: LayerCall): LayerResult {
  if (b && !c) return layers.multiply(a, b, name);
  return b || number === undefined
    ? 'has inputs that permafrost does not support'
    : layers.layer('multiply', [a], mul(a, scalar(number)), name);
}

/** The first input and a part of the second: what Inception-ResNet's blocks end in, in Keras 2 a Lambda layer. */
function scaledSum({ layers, name, inputs: [a, b] }: LayerCall, scale: unknown): LayerResult {
  if (typeof scale !== 'number' || !b) return 'runs Python code, which is not read';
  return layers.layer('custom_scale_layer', [a, b], add(a, mul(b, scalar(scale))), name);
}
