/** Keras's layers as graph pieces: what a backbone is written in, under the names that Keras gives its layers. */
import * as build from '../graph/build.ts';
import { type Shape, type SpatialPadding, shapeText, type Value } from '../graph/value.ts';
import type { LayerWeights, WeightName, WeightSource } from '../weights/source.ts';
import { kerasOrder, type LayerNode } from './keras-order.ts';

type Pair = readonly [number, number];

/** As in Keras, or the rows and columns of zeros to add: top, bottom, left, right. */
export type Padding = 'same' | 'valid' | SpatialPadding;

type Activation = 'relu' | 'relu6';

interface WindowOptions {
  strides?: Pair;
  padding?: Padding;
  /** Default: numbered after the layer's class, as Keras does in a fresh session. */
  name?: string;
}

interface ConvOptions extends WindowOptions {
  filters: number;
  kernel: Pair;
  bias?: boolean;
  /** Applied inside the layer, as Conv2D(activation=...) does. */
  activation?: Activation;
}

interface DepthwiseConvOptions extends WindowOptions {
  kernel: Pair;
}

interface PoolOptions extends WindowOptions {
  window: Pair;
}

interface BatchNormOptions {
  name?: string;
  epsilon?: number;
  /** Whether the layer has a gamma. */
  scale?: boolean;
}

/** The layers of one network; each method adds a layer and returns its output. */
export interface Layers {
  conv(x: Value, options: ConvOptions): Value;
  depthwiseConv(x: Value, options: DepthwiseConvOptions): Value;
  /** In inference mode; default epsilon 1e-3, as in Keras. */
  batchNorm(x: Value, options?: BatchNormOptions): Value;
  activation(x: Value, activation: Activation, name?: string): Value;
  maxPool(x: Value, options: PoolOptions): Value;
  /** Padding is not counted. */
  avgPool(x: Value, options: PoolOptions): Value;
  /** Along the channels. */
  concat(values: readonly Value[], name?: string): Value;
  add(a: Value, b: Value, name?: string): Value;
  /** The output of every layer so far, by name. */
  readonly outputs: ReadonlyMap<string, Value>;
  /** The layers with weights that `output` is computed from, in the order in which Keras lists and saves them. */
  weightLayers(output: Value): LayerWeights[];
}

/** Starts a network whose weights come from `source`. */
export function createLayers(source: WeightSource): Layers {
  const outputs = new Map<string, Value>();
  const nodes = new Map<Value, LayerNode>();
  const counts = new Map<string, number>();

  /** `conv2d`, `conv2d_1`, `conv2d_2` ... */
  const automaticName = (kind: string): string => {
    const count = counts.get(kind) ?? 0;
    counts.set(kind, count + 1);
    return count === 0 ? kind : `${kind}_${count}`;
  };

  const addLayer = (
    name: string,
    inputs: readonly Value[],
    output: Value,
    weights: LayerWeights['weights'] = [],
  ): Value => {
    if (outputs.has(name)) throw new Error(`Two layers are called ${name}`);
    outputs.set(name, output);
    const from = inputs.flatMap((value) => nodes.get(value) ?? []);
    nodes.set(output, { layer: name, inputs: from, weights });
    return output;
  };

  /** Reads a layer's weights in Keras's order and remembers their shapes. */
  const weightReader = (layer: string) => {
    const weights: { name: WeightName; shape: Shape }[] = [];
    const read = (name: WeightName, shape: Shape): Float32Array => {
      weights.push({ name, shape });
      return source(layer, name, shape);
    };
    return { weights, read };
  };

  const pool = (kind: 'max' | 'average') => (x: Value, options: PoolOptions) => {
    const { window, strides = window, padding = 'valid', name } = options;
    const attributes = { window, strides, padding: spatialPadding(x.shape, window, strides, padding) };
    const output = kind === 'max' ? build.maxPool(x, attributes) : build.avgPool(x, attributes);
    return addLayer(name ?? automaticName(`${kind}_pooling2d`), [x], output);
  };

  return {
    conv(x, { filters, kernel, strides = [1, 1], padding = 'valid', bias = true, activation, name }) {
      const layer = name ?? automaticName('conv2d');
      const { weights, read } = weightReader(layer);
      const kernelShape = [...kernel, x.shape[3], filters];
      const kernelValue = build.constant(read('kernel', kernelShape), kernelShape, `${layer}/kernel`);
      const biasValue = bias
        ? build.constant(read('bias', [filters]), [filters], `${layer}/bias`)
        : undefined;
      const attributes = {
        strides,
        padding: spatialPadding(x.shape, kernel, strides, padding),
        dilations: [1, 1],
      } as const;
      const convolved = build.conv2d(x, kernelValue, biasValue, attributes);
      return addLayer(layer, [x], activation ? activate(convolved, activation) : convolved, weights);
    },

    depthwiseConv(x, { kernel, strides = [1, 1], padding = 'valid', name }) {
      const layer = name ?? automaticName('depthwise_conv2d');
      const { weights, read } = weightReader(layer);
      const shape = [...kernel, x.shape[3], 1];
      const kernelValue = build.constant(read('depthwise_kernel', shape), shape, `${layer}/depthwise_kernel`);
      const attributes = {
        strides,
        padding: spatialPadding(x.shape, kernel, strides, padding),
        dilations: [1, 1],
      } as const;
      return addLayer(layer, [x], build.depthwiseConv2d(x, kernelValue, undefined, attributes), weights);
    },

    batchNorm(x, { name, epsilon = 1e-3, scale = true } = {}) {
      const layer = name ?? automaticName('batch_normalization');
      const { weights, read } = weightReader(layer);
      const shape = [x.shape[3]];
      const gamma = scale ? read('gamma', shape) : new Float32Array(x.shape[3]).fill(1);
      const beta = read('beta', shape);
      const mean = read('moving_mean', shape);
      const variance = read('moving_variance', shape);
      const factor = gamma.map((g, i) => g / Math.sqrt(variance[i] + epsilon));
      const shift = beta.map((b, i) => b - (mean[i] * gamma[i]) / Math.sqrt(variance[i] + epsilon));
      const scaled = build.mul(x, build.constant(factor, shape, `${layer}/scale`));
      return addLayer(layer, [x], build.add(scaled, build.constant(shift, shape, `${layer}/shift`)), weights);
    },

    activation: (x, activation, name) =>
      addLayer(name ?? automaticName('activation'), [x], activate(x, activation)),
    maxPool: pool('max'),
    avgPool: pool('average'),
    concat: (values, name) =>
      addLayer(name ?? automaticName('concatenate'), values, build.concat(values, { axis: 3 })),
    add: (a, b, name) => addLayer(name ?? automaticName('add'), [a, b], build.add(a, b)),

    outputs,
    weightLayers(output) {
      const node = nodes.get(output);
      if (!node) throw new Error(`No layer made this value of shape ${shapeText(output.shape)}`);
      return kerasOrder(node)
        .filter(({ weights }) => weights.length > 0)
        .map(({ layer, weights }) => ({ layer, weights }));
    },
  };
}

function activate(x: Value, activation: Activation): Value {
  return activation === 'relu' ? build.relu(x) : build.clip(x, { min: 0, max: 6 });
}

function spatialPadding(shape: Shape, window: Pair, strides: Pair, padding: Padding): SpatialPadding {
  if (padding === 'valid') return [0, 0, 0, 0];
  if (padding !== 'same') return padding;
  const rows = samePadding(shape[1], window[0], strides[0]);
  const columns = samePadding(shape[2], window[1], strides[1]);
  return [...rows, ...columns];
}

/**
 * TensorFlow's `SAME`: as much padding as makes the output ceil(size / stride) long, the odd one behind.
 * Source: tensorflow.org/api_docs/python/tf/nn, "Notes on padding".
 */
function samePadding(size: number, window: number, stride: number): [number, number] {
  const total = Math.max((Math.ceil(size / stride) - 1) * stride + window - size, 0);
  const before = Math.floor(total / 2);
  return [before, total - before];
}
