/** One training step as a graph: a stack's losses and gradients for one batch. */

import * as build from '../../shared/graph/build.ts';
import { gradients } from '../../shared/graph/gradient.ts';
import { BATCH, type Graph, type Shape, type Value } from '../../shared/graph/value.ts';
import type { HeadTraining, Output } from '../../shared/head/config.ts';
import {
  featuresInput,
  headForward,
  probabilities,
  stackedShape,
  wideLayer,
} from '../../shared/head/forward.ts';
import type { HeadLayer, HeadParameter } from '../../shared/head/layers.ts';
import { isKernel } from '../../shared/training/lanes.ts';
import { elementLoss } from '../../shared/training/loss.ts';

/** What a stack's graphs depend on; heads that agree in it can share compiled programs. */
export interface StackShape {
  layers: readonly HeadLayer[];
  output: Output;
  loss: HeadTraining['loss'];
  inputs: number;
  classes: number;
  lanes: number;
  /** The kernel whose gradient is left in its two factors while training: see factored.ts. */
  factored?: string;
}

/** Names of a training graph's inputs and outputs beside `features`, `targets` and `weights`. */
export const parameterKey = (name: string): string => `parameter:${name}`;
export const gradientKey = (name: string): string => `gradient:${name}`;
/** Derivatives in a product with a kernel, [units, batch]. */
export const errorKey = (name: string): string => `error:${name}`;
export const maskKey = (name: string): string => `mask:${name}`;
export const meanKey = (name: string): string => `mean:${name}`;
export const varianceKey = (name: string): string => `variance:${name}`;

/** The shape in which a stack holds one of its parameters. */
export function parameterShape({ name, shape }: HeadParameter, { layers, lanes }: StackShape): Shape {
  return stackedShape(isKernel(name) ? shape.toReversed() : shape, lanes, isWide(name, layers));
}

/** Whether it is the kernel whose product all lanes share. */
export function isWide(parameterName: string, layers: readonly HeadLayer[]): boolean {
  return parameterName === `${wideLayer(layers)}/kernel`;
}

/**
 * Inputs: `features` [batch, inputs], `targets` and `weights` [batch, classes], the parameters, and dropout masks.
 * Outputs: `loss` ([lanes]: the weighted sum over rows and classes; weights carry 1 / batch), a gradient for every
 * trainable parameter (for a factored one the errors instead), and the batch statistics of every batch-norm.
 */
export function trainingGraph(stack: StackShape, batch: number): Graph {
  const { layers, lanes, classes, inputs } = stack;
  const parameters = new Map<string, Value>();
  const { logits, statistics } = headForward({
    layers,
    lanes,
    features: featuresInput(inputs, batch),
    parameter(name, shape) {
      const value = parameters.get(name) ?? build.input(parameterKey(name), 'float32', shape);
      parameters.set(name, value);
      return value;
    },
    // Heads of a stack share their seed, and with it their masks.
    mask: (name, shape) => build.input(maskKey(name), 'float32', shape),
  });
  const perRow = (name: string) =>
    build.reshape(build.input(name, 'float32', [batch, classes]), [batch, 1, classes]);
  const elements = elementLoss(stack)(logits, perRow('targets'), perRow('weights'));
  const loss = build.reduceSum(elements, { axes: [0, 2], keepDims: false });
  const total = build.reduceSum(loss, { axes: [0], keepDims: false });
  const outputs: Record<string, Value> = { loss };
  const names = [...parameters.keys()];
  const varied = Array.from(parameters, ([name, value]) =>
    name === stack.factored ? productWith(value, total) : value,
  );
  for (const [index, gradient] of gradients(total, varied).entries()) {
    const key = names[index] === stack.factored ? errorKey : gradientKey;
    outputs[key(names[index])] = gradient;
  }
  for (const [name, { mean, variance }] of statistics) {
    outputs[meanKey(name)] = mean;
    outputs[varianceKey(name)] = variance;
  }
  return build.graph(outputs);
}

/** The one product that a kernel is the left factor of. */
function productWith(kernel: Value, total: Value): Value {
  const { values } = build.graph({ total });
  const product = values.find(({ op, inputs }) => op === 'matmul' && inputs[0] === kernel);
  if (!product) throw new Error(`The loss depends on no product with ${kernel.name}`);
  return product;
}

/** Inputs: `features` with an open batch and the parameters. Output: `probabilities` [batch, lanes, classes]. */
export function evaluationGraph({ layers, lanes, inputs, output }: StackShape): Graph {
  const { logits } = headForward({
    layers,
    lanes,
    features: featuresInput(inputs, BATCH),
    parameter: (name, shape) => build.input(parameterKey(name), 'float32', shape),
  });
  return build.graph({ probabilities: probabilities(logits, output) });
}
