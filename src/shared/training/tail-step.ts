/** One training step of a network's tail and a head as a graph: loss and gradients for one batch of activations. */
import { withBatch } from '../graph/batch.ts';
import * as build from '../graph/build.ts';
import { gradients } from '../graph/gradient.ts';
import type { Graph, Value } from '../graph/value.ts';
import type { Loss, Output } from '../head/config.ts';
import { headForward } from '../head/forward.ts';
import type { HeadLayer } from '../head/layers.ts';
import { elementLoss } from './loss.ts';

export interface TailStep {
  /** From activations and weights to features, as `split` makes it. */
  tail: Graph;
  /** The tail's weights that are trained, by the names of its inputs. */
  trained: readonly string[];
  layers: readonly HeadLayer[];
  output: Output;
  loss: Loss;
  classes: number;
  batch: number;
}

/** Names of a head's parameters, which lie as in a stack of one head. */
export const headKey = (name: string): string => `head:${name}`;
/** Names of gradients, of tail weights and of head parameters. */
export const gradientOf = (name: string): string => `gradient:${name}`;

/**
 * Inputs: those of the tail, head parameters, dropout masks (`mask:NAME`), `targets` and `weights` [batch, classes].
 * Outputs: `loss` (the weighted sum over rows and classes; weights carry 1 / batch), the gradient of each trained weight and
 * of each head parameter that has one, and mean and variance of each batch-norm of the head (`mean:NAME`, `variance:NAME`).
 */
export function tailStep({ tail, trained, layers, output, loss, classes, batch }: TailStep): Graph {
  const { inputs, outputs } = withBatch(tail, batch);
  const head = new Map<string, Value>();
  const { logits, statistics } = headForward({
    layers,
    lanes: 1,
    features: build.concat([...outputs.values()], { axis: 1 }),
    parameter(name, shape) {
      const value = head.get(headKey(name)) ?? build.input(headKey(name), 'float32', shape);
      head.set(headKey(name), value);
      return value;
    },
    mask: (name, shape) => build.input(`mask:${name}`, 'float32', shape),
  });
  const perRow = (name: string): Value =>
    build.reshape(build.input(name, 'float32', [batch, classes]), [batch, 1, classes]);
  const elements = elementLoss({ output, loss })(logits, perRow('targets'), perRow('weights'));
  const total = build.reduceSum(elements, { axes: [0, 1, 2], keepDims: false });
  const varied = new Map([...trained.map((name) => [name, inputs.get(name)!] as const), ...head]);
  const computed = gradients(total, [...varied.values()]);
  const results: Record<string, Value> = { loss: total };
  for (const [index, name] of [...varied.keys()].entries()) results[gradientOf(name)] = computed[index];
  for (const [name, { mean, variance }] of statistics) {
    results[`mean:${name}`] = mean;
    results[`variance:${name}`] = variance;
  }
  return build.graph(results);
}
