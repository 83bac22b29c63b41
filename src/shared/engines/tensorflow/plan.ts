/** A graph as TensorFlow.js calls: its constants on the device, its operations in order, its tensors freed in time. */
import type { Tensor } from '@tensorflow/tfjs-core';
import type { ComputedOperation } from '../../graph/operations/index.ts';
import type { Graph, Value } from '../../graph/value.ts';
import { type Call, TENSORFLOW_OPERATIONS } from './operations.ts';
import type { Tensorflow } from './runtime.ts';

export interface Plan {
  /**
   * Computes the graph's outputs from tensors for its inputs, which stay the caller's. An output may be one of the
   * inputs or constants itself. What is made on the way is freed when the engine's scope ends, or before.
   */
  compute(inputs: ReadonlyMap<string, Tensor>, batch: number): Map<string, Tensor>;
  /** Frees the constants. */
  release(): void;
}

/** One value of a run: where its operands are, and which tensors nobody needs after it. */
interface Step {
  compute(operands: Tensor[], batch: number): Tensor;
  operands: number[];
  result: number;
  spent: number[];
}

/** Moves a graph's constants to the device and orders its operations. */
export function planGraph(tf: Tensorflow, graph: Graph): Plan {
  const place = new Map(graph.values.map((value, index) => [value, index]));
  // Weights move to the device once.
  const constants = graph.values.flatMap((value, index) =>
    isConstant(value) ? [{ index, tensor: tf.keep(tf.tensor(value.attributes.data, [...value.shape])) }] : [],
  );
  const steps = planSteps(tf, graph, place);
  return {
    compute(inputs, batch) {
      const tensors: Tensor[] = new Array(graph.values.length);
      for (const { index, tensor } of constants) tensors[index] = tensor;
      for (const [name, value] of graph.inputs) tensors[place.get(value)!] = inputs.get(name)!;
      for (const step of steps) {
        tensors[step.result] = step.compute(
          step.operands.map((index) => tensors[index]),
          batch,
        );
        for (const index of step.spent) tensors[index].dispose();
      }
      return new Map([...graph.outputs].map(([name, value]) => [name, tensors[place.get(value)!]]));
    },
    release() {
      for (const { tensor } of constants) tensor.dispose();
    },
  };
}

/** The computed values in order; activations are freed as soon as their last user has run. */
function planSteps(tf: Tensorflow, graph: Graph, place: ReadonlyMap<Value, number>): Step[] {
  const kept = new Set<Value>(graph.outputs.values());
  const lastUser = new Map<Value, Value>();
  for (const value of graph.values) for (const source of value.inputs) lastUser.set(source, value);
  return graph.values.filter(isComputed).map((value) => ({
    compute: translated(tf, value),
    operands: value.inputs.map((source) => place.get(source)!),
    result: place.get(value)!,
    spent: [...new Set(value.inputs)]
      .filter((source) => lastUser.get(source) === value && !kept.has(source) && isComputed(source))
      .map((source) => place.get(source)!),
  }));
}

function translated<O extends ComputedOperation>(tf: Tensorflow, value: Value<O>): Step['compute'] {
  const translate: (operands: Tensor[], call: Call<O>) => Tensor = TENSORFLOW_OPERATIONS[value.op];
  return (operands, batch) => translate(operands, { tf, value, batch });
}

function isComputed(value: Value): value is Value<ComputedOperation> {
  return value.op !== 'input' && value.op !== 'constant';
}

function isConstant(value: Value): value is Value<'constant'> {
  return value.op === 'constant';
}
