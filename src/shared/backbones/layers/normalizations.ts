/** Normalisations and scales, with Keras's weights in Keras's order. */
import * as build from '../../graph/build.ts';
import { elementCount, type Value } from '../../graph/value.ts';
import type { WeightSource } from '../../weights/source.ts';
import type { BatchMoments, Network, StartedLayer } from './network.ts';

interface BatchNormOptions {
  name?: string;
  epsilon?: number;
  /** Whether the layer has a gamma. */
  scale?: boolean;
}

interface LayerNormOptions {
  name?: string;
  epsilon: number;
}

export interface Normalizations {
  /** With its moving statistics; default epsilon 1e-3, as in Keras. */
  batchNorm(x: Value, options?: BatchNormOptions): Value;
  /** Over the last axis. */
  layerNorm(x: Value, options: LayerNormOptions): Value;
  /** One such layer to be used several times, on values with as many channels. */
  sharedLayerNorm(channels: number, options: LayerNormOptions): (x: Value) => Value;
  /** Keras's Normalization with a mean and a variance that were saved with the weights. */
  normalization(x: Value, name?: string): Value;
  /** ConvNeXt's LayerScale: one factor a channel. */
  layerScale(x: Value, name: string): Value;
}

/** The least standard deviation of keras/src/layers/preprocessing/normalization.py: backend.epsilon(). */
const MIN_DEVIATION = 1e-7;

type BatchNormSettings = Required<Pick<BatchNormOptions, 'epsilon' | 'scale'>>;

/** The epsilon and the gamma of Keras's BatchNormalization(). */
const DEFAULTS: BatchNormSettings = { epsilon: 1e-3, scale: true };

/** Adds a batch-norm that the published network does not have behind a convolution, whose output is `x`. */
export function insertedBatchNorm(network: Network, convolution: StartedLayer, x: Value): Value {
  return batchNorm(network, network.startInserted(convolution), x, DEFAULTS);
}

/** What Keras's BatchNormalization() begins with. */
export const freshBatchNorm: WeightSource = (_layer, weight, shape) =>
  new Float32Array(elementCount(shape)).fill(weight === 'gamma' || weight === 'moving_variance' ? 1 : 0);

function batchNorm(network: Network, layer: StartedLayer, x: Value, settings: BatchNormSettings): Value {
  if (!layer.isTrained) return layer.give([x], fixed(x, layer, settings));
  const shape = [x.shape[3]];
  const gamma = settings.scale ? layer.value('gamma', shape) : build.scalar(1);
  const beta = layer.value('beta', shape);
  const moving = {
    mean: layer.value('moving_mean', shape),
    variance: layer.value('moving_variance', shape),
  };
  const { mean, variance } = network.changes.batchStatistics ? momentsOf(x, layer, network) : moving;
  const factor = build.div(gamma, build.sqrt(build.add(variance, build.scalar(settings.epsilon))));
  return layer.give([x], build.add(build.mul(x, factor), build.sub(beta, build.mul(mean, factor))));
}

/** Mean and (biased) variance over batch, rows and columns: what Keras normalises with and feeds its moving statistics. */
function momentsOf(x: Value, { name }: StartedLayer, { moments }: Network): BatchMoments {
  const overPlaces = { axes: [0, 1, 2], keepDims: false };
  const mean = build.reduceMean(x, overPlaces);
  const centred = build.sub(x, mean);
  const found = { mean, variance: build.reduceMean(build.mul(centred, centred), overPlaces) };
  moments.set(name, found);
  return found;
}

/** A batch-norm of constants: one factor and one shift, which a convolution before it takes over. */
function fixed(x: Value, layer: StartedLayer, { epsilon, scale }: BatchNormSettings): Value {
  const shape = [x.shape[3]];
  const gamma = scale ? layer.numbers('gamma', shape) : new Float32Array(x.shape[3]).fill(1);
  const beta = layer.numbers('beta', shape);
  const mean = layer.numbers('moving_mean', shape);
  const variance = layer.numbers('moving_variance', shape);
  const factor = gamma.map((g, i) => g / Math.sqrt(variance[i] + epsilon));
  const shift = beta.map((b, i) => b - (mean[i] * gamma[i]) / Math.sqrt(variance[i] + epsilon));
  const scaled = build.mul(x, build.constant(factor, shape));
  return build.add(scaled, build.constant(shift, shape));
}

export function normalizations(network: Network): Normalizations {
  const sharedLayerNorm: Normalizations['sharedLayerNorm'] = (channels, { name, epsilon }) => {
    const layer = network.start('layer_normalization', name);
    const gamma = layer.value('gamma', [channels]);
    const beta = layer.value('beta', [channels]);
    return (x) => layer.give([x], build.layerNorm(x, gamma, beta, { epsilon }));
  };

  return {
    batchNorm(x, { name, epsilon = DEFAULTS.epsilon, scale = DEFAULTS.scale } = {}) {
      return batchNorm(network, network.start('batch_normalization', name), x, { epsilon, scale });
    },

    layerNorm: (x, options) => sharedLayerNorm(x.shape.at(-1)!, options)(x),
    sharedLayerNorm,

    normalization(x, name) {
      const layer = network.start('normalization', name);
      const shape = [x.shape[3]];
      const mean = layer.numbers('mean', shape);
      const variance = layer.numbers('variance', shape);
      layer.unused('count', []);
      const centred = build.sub(x, build.constant(mean, shape));
      const factor = variance.map((value) => 1 / Math.max(Math.sqrt(value), MIN_DEVIATION));
      return layer.give([x], build.mul(centred, build.constant(factor, shape)));
    },

    layerScale(x, name) {
      const layer = network.start('layer_scale', name);
      return layer.give([x], build.mul(x, layer.value('layer_scale', [x.shape[3]])));
    },
  };
}
