/** A network's tail and a head as graphs: a training step on one batch of activations, and probabilities. */
import { withBatch } from '../graph/batch.ts';
import { withConstants } from '../graph/bind.ts';
import * as build from '../graph/build.ts';
import { foldScaleShift } from '../graph/fold.ts';
import { gradients } from '../graph/gradient.ts';
import { meanOf, varianceOf } from '../graph/moments.ts';
import type { Graph, Value } from '../graph/value.ts';
import type { Loss, Normalization, Output } from '../head/config.ts';
import { headForward, probabilities } from '../head/forward.ts';
import type { HeadLayer } from '../head/layers.ts';
import { normalizeFeatures } from '../head/normalize-features.ts';
import type { Head } from '../head/record.ts';
import { elementLoss } from './loss.ts';

/** A column of the head's features: an output of the tail, or computed before the cut and fed as {@link columnKey}. */
export interface TailColumn {
  readonly name: string;
  readonly dimension: number;
}

/** What both graphs of a tail with its head are made from. */
export interface TailShape {
  /** From activations and weights to features, as `split` makes it. */
  tail: Graph;
  /** Weights that stay as they are; all others are inputs. */
  frozen?: ReadonlyMap<string, Float32Array>;
  /** The head's features, in its order. */
  columns: readonly TailColumn[];
  normalize: Normalization;
  /** The statistics that the normalisation needs, by their names in a head. */
  statistics: Head['tensors'];
  layers: readonly HeadLayer[];
  output: Output;
  batch: number;
}

export interface TailStep extends TailShape {
  /** The tail's weights that are trained, by the names of its inputs. */
  trained: readonly string[];
  loss: Loss;
  classes: number;
}

/** Names of a head's parameters, which lie as in a stack of one head. */
export const headKey = (name: string): string => `head:${name}`;
/** Names of features that are computed before the cut, [batch, dimension]. */
export const columnKey = (name: string): string => `column:${name}`;
/** Names of dropout masks. */
export const maskOf = (name: string): string => `mask:${name}`;
/** Names of gradients, of tail weights and of head parameters. */
export const gradientOf = (name: string): string => `gradient:${name}`;

/**
 * Inputs: those of the tail, columns from before the cut, head parameters, dropout masks, `targets` and `weights` [batch, classes].
 * Outputs: `loss` (the weighted sum over rows and classes; weights carry 1 / batch), the gradient of each trained weight and
 * of each head parameter that has one, and mean and variance of each batch-norm that is trained, the head's as {@link headKey}.
 */
export function tailStep(step: TailStep): Graph {
  const { trained, layers, output, loss, classes, batch } = step;
  const { inputs, outputs, features } = featuresOf(step);
  const head = new Map<string, Value>();
  const { logits, statistics } = headForward({
    layers,
    lanes: 1,
    anyThreads: true,
    features,
    parameter(name, shape) {
      const value = head.get(headKey(name)) ?? build.input(headKey(name), 'float32', shape);
      head.set(headKey(name), value);
      return value;
    },
    mask: (name, shape) => build.input(maskOf(name), 'float32', shape),
  });
  const perRow = (name: string): Value =>
    build.reshape(build.input(name, 'float32', [batch, classes]), [batch, 1, classes]);
  const elements = elementLoss({ output, loss })(logits, perRow('targets'), perRow('weights'));
  const total = build.reduceSum(elements, { axes: [0, 1, 2], keepDims: false });
  const varied = new Map([...trained.map((name) => [name, inputs.get(name)!] as const), ...head]);
  const computed = gradients(total, [...varied.values()]);
  const results: Record<string, Value> = { loss: total };
  for (const [index, name] of [...varied.keys()].entries()) results[gradientOf(name)] = computed[index];
  for (const [name, value] of outputs) if (!isColumn(step, name)) results[name] = value;
  for (const [name, { mean, variance }] of statistics) {
    results[meanOf(headKey(name))] = mean;
    results[varianceOf(headKey(name))] = variance;
  }
  return build.graph(results);
}

/** Inputs: those of the tail, columns from before the cut, and head parameters. Output: `probabilities` [batch, 1, classes]. */
export function tailPrediction(shape: TailShape): Graph {
  const { layers, output } = shape;
  const { logits } = headForward({
    layers,
    lanes: 1,
    anyThreads: true,
    features: featuresOf(shape).features,
    parameter: (name, size) => build.input(headKey(name), 'float32', size),
  });
  return build.graph({ probabilities: probabilities(logits, output) });
}

const isColumn = ({ columns }: TailShape, name: string): boolean =>
  columns.some((column) => column.name === name);

/** The head's features, normalised, and the tail that they come from. */
function featuresOf({ tail, frozen = new Map(), columns, normalize, statistics, batch }: TailShape) {
  const bound = foldScaleShift(withConstants(withBatch(tail, batch), frozen));
  const values = columns.map(
    ({ name, dimension }) =>
      bound.outputs.get(name) ?? build.input(columnKey(name), 'float32', [batch, dimension]),
  );
  const features = normalizeFeatures(build.concat(values, { axis: 1 }), normalize, (name) => {
    const tensor = statistics.get(name);
    if (!tensor) throw new Error(`The head has no ${name}`);
    return build.constant(tensor.data, tensor.shape, name);
  });
  return { ...bound, features };
}
