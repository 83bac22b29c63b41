/** Batch-norms that a graph has as they are: of a trained tail, whose weights are not folded into convolutions. */
import type { Graph, OperationName, Value } from '../shared/graph/value.ts';
import type { Tensor } from '../shared/weights/safetensors.ts';

export interface BatchNorm {
  layer: string;
  x: Value;
  epsilon: number;
  /** In Keras's order; without a gamma where the layer has no scale. */
  weights: (readonly [string, Tensor])[];
}

/** The batch-norms of a graph by their output, and the values inside them, which nothing else needs. */
export function batchNorms(graph: Graph): { norms: Map<Value, BatchNorm>; inner: Set<Value> } {
  const norms = new Map<Value, BatchNorm>();
  const inner = new Set<Value>();
  for (const value of graph.values) {
    if (value.op !== 'constant' && value.op !== 'input' && value.inputs.every(isFixed)) inner.add(value);
    const norm = batchNormOf(value);
    if (!norm) continue;
    norms.set(value, norm);
    inner.add(value.inputs[0]);
  }
  return { norms, inner };

  function isFixed(value: Value): boolean {
    return value.op === 'constant' || inner.has(value);
  }
}

/** As src/shared/backbones/layers/normalizations.ts builds it: x * (gamma / sqrt(variance + epsilon)) + (beta - mean * ...). */
function batchNormOf(value: Value): BatchNorm | undefined {
  const [scaled, shift] = inputsOf(value, 'add');
  const [x, factor] = inputsOf(scaled, 'mul');
  const [gamma, deviation] = inputsOf(factor, 'div');
  const [sum] = inputsOf(deviation, 'sqrt');
  const [variance, epsilon] = inputsOf(sum, 'add');
  const [beta, moved] = inputsOf(shift, 'sub');
  const [mean] = inputsOf(moved, 'mul');
  const layer = /^(.*)\/moving_variance$/.exec(variance?.name ?? '')?.[1];
  if (layer === undefined || !x || !gamma || !beta || !mean || !variance) return undefined;
  const weights = [...(gamma.name === undefined ? [] : [gamma]), beta, mean, variance];
  return {
    layer,
    x,
    // As it was before it became a float32.
    epsilon: Number(constant(epsilon).data[0].toPrecision(7)),
    weights: weights.map((weight) => [weight.name!.slice(layer.length + 1), constant(weight)]),
  };
}

function inputsOf(value: Value | undefined, op: OperationName): readonly (Value | undefined)[] {
  return value?.op === op ? value.inputs : [];
}

function constant(value: Value | undefined): Tensor {
  const { attributes, shape } = value as Value<'constant'>;
  return { shape: [...shape], data: attributes.data };
}
