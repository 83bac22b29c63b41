/** Keras's layers as graph pieces: what a backbone is written in, under the names that Keras gives its layers. */

import { ACTIVATION_FUNCTIONS } from '../graph/activations.ts';
import * as build from '../graph/build.ts';
import type { SpatialPadding, Value } from '../graph/value.ts';
import type { LayerWeights, WeightSource } from '../weights/source.ts';
import type { LayerNode } from './keras-order.ts';
import type { LayerActivation } from './layers/activations.ts';
import { type Convolutions, convolutions } from './layers/convolutions.ts';
import { type BatchMoments, createNetwork, type NetworkChanges } from './layers/network.ts';
import { type Normalizations, normalizations } from './layers/normalizations.ts';
import { type Padding, type Pair, spatialPadding } from './layers/padding.ts';

interface PoolOptions {
  window: Pair;
  /** Default: the window's size. */
  strides?: Pair;
  padding?: Padding;
  name?: string;
}

/** The layers of one network; each method adds a layer and returns its output. Names are optional, as in Keras. */
export interface Layers extends Convolutions, Normalizations {
  activation(x: Value, activation: LayerActivation, name?: string): Value;
  /** A `valid` convolution right behind it takes the zeros over, at no cost. */
  zeroPadding(x: Value, padding: SpatialPadding, name?: string): Value;
  maxPool(x: Value, options: PoolOptions): Value;
  /** Padding is not counted. */
  avgPool(x: Value, options: PoolOptions): Value;
  /** The mean over rows and columns, which stay as axes of length 1. */
  globalAvgPool(x: Value, name?: string): Value;
  /** The largest of rows and columns, which stay as axes of length 1. */
  globalMaxPool(x: Value, name?: string): Value;
  /** Along the channels. */
  concat(values: readonly Value[], name?: string): Value;
  add(a: Value, b: Value, name?: string): Value;
  multiply(a: Value, b: Value, name?: string): Value;
  /** Any other layer without weights: its Keras class in snake_case, what it is fed, what it gives. */
  layer(kind: string, inputs: readonly Value[], output: Value, name?: string): Value;
  /** Mean and variance of the batch at each batch-norm that normalises with them, by layer. */
  readonly moments: ReadonlyMap<string, BatchMoments>;
  /** The output of every layer so far, by name. */
  readonly outputs: ReadonlyMap<string, Value>;
  /** The layers that `output` is computed from, in the order in which Keras lists and saves them. */
  layersOf(output: Value): LayerNode[];
  /** Those with weights. */
  weightLayers(output: Value): LayerWeights[];
}

/** Starts a network whose weights come from `source`. */
export function createLayers(source: WeightSource, changes?: NetworkChanges): Layers {
  const network = createNetwork(source, changes);

  const layer: Layers['layer'] = (kind, inputs, output, name) =>
    network.start(kind, name).give(inputs, output);

  const pool = (kind: 'max' | 'average') => (x: Value, options: PoolOptions) => {
    const { window, strides = window, padding = 'valid', name } = options;
    const attributes = { window, strides, padding: spatialPadding(x.shape, window, strides, padding) };
    const output = kind === 'max' ? build.maxPool(x, attributes) : build.avgPool(x, attributes);
    return layer(`${kind}_pooling2d`, [x], output, name);
  };

  return {
    ...convolutions(network),
    ...normalizations(network),
    activation: (x, activation, name) => layer('activation', [x], ACTIVATION_FUNCTIONS[activation](x), name),
    zeroPadding: (x, padding, name) => layer('zero_padding2d', [x], build.pad(x, padding), name),
    maxPool: pool('max'),
    avgPool: pool('average'),
    globalAvgPool: (x, name) =>
      layer('global_average_pooling2d', [x], build.reduceMean(x, { axes: [1, 2], keepDims: true }), name),
    globalMaxPool: (x, name) =>
      layer('global_max_pooling2d', [x], build.reduceMax(x, { axes: [1, 2], keepDims: true }), name),
    concat: (values, name) => layer('concatenate', values, build.concat(values, { axis: 3 }), name),
    add: (a, b, name) => layer('add', [a, b], build.add(a, b), name),
    multiply: (a, b, name) => layer('multiply', [a, b], build.mul(a, b), name),
    layer,
    moments: network.moments,
    outputs: network.outputs,
    layersOf: network.layersOf,
    weightLayers: network.weightLayers,
  };
}
