/** The head as a graph: for one head, or for a stack of heads that see the same batches. */
import * as build from '../graph/build.ts';
import { BATCH, type Shape, type Value } from '../graph/value.ts';
import { ACTIVATIONS } from './activations.ts';
import type { Output } from './config.ts';
import type { HeadLayer } from './layers.ts';

/** Keras BatchNormalization's default. */
export const EPSILON = 1e-3;

export interface ForwardOptions {
  layers: readonly HeadLayer[];
  /** Features, [batch, inputs]. */
  features: Value;
  /** Heads in the stack. With one, values have no lane axis; with more, activations are [batch, lanes, units]. */
  lanes: number;
  /** The value of a parameter of the given shape (an input while training, a constant in a finished head). */
  parameter(name: string, shape: Shape): Value;
  /** The multipliers of a dropout layer (0 or 1 / (1 - rate)); without it, the head predicts. */
  mask?(name: string, shape: Shape): Value;
}

export interface Forward {
  /** [batch, classes] or [batch, lanes, classes]. */
  logits: Value;
  /** While training: the mean and variance of the batch at each batch-norm, for its moving statistics. */
  statistics: Map<string, { mean: Value; variance: Value }>;
}

/**
 * Shape of a parameter in a stack. The kernel and bias of a dense layer that reads the shared features lie
 * side by side, [inputs, lanes * units], so that one wide product serves all heads; all others are
 * [lanes, ...shape].
 */
export function stackedShape(shape: Shape, lanes: number, wide: boolean): Shape {
  if (lanes === 1) return shape;
  return wide ? shape.with(-1, lanes * (shape.at(-1) ?? 1)) : [lanes, ...shape];
}

/** The dense layer that reads the shared features directly, if the head starts with it. */
export function wideLayer(layers: readonly HeadLayer[]): string | undefined {
  const [first] = layers;
  return first.kind === 'dense' ? first.name : undefined;
}

export function headForward({ layers, features, lanes, parameter, mask }: ForwardOptions): Forward {
  const statistics: Forward['statistics'] = new Map();
  const wide = wideLayer(layers);
  const stacked = (name: string, shape: Shape, isWide = false) =>
    parameter(name, stackedShape(shape, lanes, isWide));
  const batch = features.shape[0];
  let shared = true;
  let x = features;
  /** Gives shared features a lane axis, for layers whose parameters differ by lane. */
  const perLane = () => {
    if (shared && lanes > 1) x = build.reshape(x, [batch, 1, x.shape[1]]);
    shared = false;
  };

  for (const layer of layers) {
    switch (layer.kind) {
      case 'dense': {
        const { name, inputs, units } = layer;
        const isWide = name === wide;
        if (!isWide) perLane();
        const kernel = stacked(`${name}/kernel`, [inputs, units], isWide);
        const bias = layer.bias ? stacked(`${name}/bias`, [units], isWide) : undefined;
        x = isWide || lanes === 1 ? build.matmul(x, kernel) : laneProduct(x, kernel);
        if (bias) x = build.add(x, bias);
        if (isWide && lanes > 1) x = build.reshape(x, [batch, lanes, units]);
        shared = false;
        break;
      }
      case 'bn': {
        perLane();
        const { name, units } = layer;
        const moments = mask
          ? batchMoments(x)
          : {
              mean: stacked(`${name}/moving_mean`, [units]),
              variance: stacked(`${name}/moving_variance`, [units]),
            };
        if (mask) statistics.set(name, moments);
        const deviation = build.sqrt(build.add(moments.variance, build.scalar(EPSILON)));
        const scale = build.div(stacked(`${name}/gamma`, [units]), deviation);
        const normalised = build.mul(build.sub(x, moments.mean), scale);
        x = build.add(normalised, stacked(`${name}/beta`, [units]));
        break;
      }
      case 'dropout':
        if (!mask) break;
        perLane();
        x = build.mul(x, mask(layer.name, lanes === 1 ? [batch, layer.units] : [batch, lanes, layer.units]));
        break;
      case 'se': {
        perLane();
        const { name, units, reduced } = layer;
        const product = (input: Value, kernel: Value) =>
          lanes === 1 ? build.matmul(input, kernel) : laneProduct(input, kernel);
        if (lanes > 1) x = build.broadcastTo(x, [batch, lanes, units]);
        const squeezed = build.relu(product(x, stacked(`${name}/squeeze/kernel`, [units, reduced])));
        x = build.mul(
          x,
          build.sigmoid(product(squeezed, stacked(`${name}/excite/kernel`, [reduced, units]))),
        );
        break;
      }
      case 'activation':
        x = ACTIVATIONS[layer.activation](x);
        break;
    }
  }
  return { logits: x, statistics };
}

/** A different kernel for every lane: [batch, lanes, in] x [lanes, in, out] → [batch, lanes, out]. */
function laneProduct(x: Value, kernel: Value): Value {
  return build.transpose(build.matmul(build.transpose(x, [1, 0, 2]), kernel), [1, 0, 2]);
}

/** Mean and (biased) variance over the batch, as Keras normalises with and as it feeds its moving statistics. */
function batchMoments(x: Value): { mean: Value; variance: Value } {
  const overBatch = { axes: [0], keepDims: false };
  const mean = build.reduceMean(x, overBatch);
  const centred = build.sub(x, mean);
  return { mean, variance: build.reduceMean(build.mul(centred, centred), overBatch) };
}

/** Class probabilities from logits. */
export function probabilities(logits: Value, output: Output): Value {
  return output === 'softmax' ? build.softmax(logits) : build.sigmoid(logits);
}

/** The features input of a head with an open batch. */
export function featuresInput(inputs: number, batch: number = BATCH): Value {
  return build.input('features', 'float32', [batch, inputs]);
}
