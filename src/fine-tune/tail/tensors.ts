/** The tensors that a training changes, one after the other in blocks that the engine and the optimiser's kernels share. */
import type { TailWeight } from '../../shared/backbones/cut/weights.ts';
import { meanOf, varianceOf } from '../../shared/graph/moments.ts';
import { elementCount, type Shape } from '../../shared/graph/value.ts';
import { MOVING_MOMENTUM } from '../../shared/head/forward.ts';
import { type HeadLayer, type HeadParameter, headParameters } from '../../shared/head/layers.ts';
import type { Head } from '../../shared/head/record.ts';
import { isKernel, readLane, writeLane } from '../../shared/training/lanes.ts';
import { headKey } from '../../shared/training/tail-step.ts';
import type { Tensor } from '../../shared/weights/safetensors.ts';
import type { TailNetwork } from './network.ts';

/** One of them; all are in the order of the tail's weights, then of the head's parameters. */
export interface TailTensor {
  /** The name of the graphs' input. */
  readonly key: string;
  /** Where it begins in a block, in numbers; whole cache lines. */
  readonly start: number;
  readonly length: number;
  /** The shape in which graphs take it: a head's kernels lie [units, inputs], as in a stack of one head. */
  readonly shape: Shape;
  /** Whether the optimiser steps it; otherwise it follows a statistic of the batch. */
  readonly isTrained: boolean;
  /** Whether penalties and decay apply. */
  readonly isKernel: boolean;
  /** Inputs of each unit, of the head's kernels. */
  readonly inputs: number;
  readonly statistic: { readonly output: string; readonly momentum: number } | undefined;
  readonly source: TailWeight | HeadParameter;
}

export interface TensorLayout {
  readonly tensors: readonly TailTensor[];
  /** Numbers of a block. */
  readonly length: number;
  /** The tail's other weights, by name. */
  readonly frozen: ReadonlyMap<string, Float32Array>;
}

/** Numbers of a cache line. */
const LINE = 16;

/** @param trained names of the tail's weights that are trained */
export function tensorLayout(
  { weights, tail, trainingTail }: TailNetwork,
  trained: ReadonlySet<string>,
  layers: readonly HeadLayer[],
): TensorLayout {
  const tensors: TailTensor[] = [];
  let length = 0;
  const add = (tensor: Omit<TailTensor, 'start'>) => {
    tensors.push({ ...tensor, start: length });
    length += Math.ceil(tensor.length / LINE) * LINE;
  };
  const frozen = new Map<string, Float32Array>();
  for (const weight of weights) {
    const statistic = statisticOf(weight.name, weight.layer, weight.momentum ?? MOVING_MOMENTUM);
    const isMoved = weight.role === 'statistic' && trainingTail.outputs.has(statistic.output);
    const isTrained = trained.has(weight.name);
    if (!isMoved && !isTrained) frozen.set(weight.name, weight.data);
    else
      add({
        key: weight.name,
        length: weight.data.length,
        // Keras has some kernels in another shape.
        shape: tail.inputs.get(weight.name)?.shape ?? weight.shape,
        isTrained,
        isKernel: weight.role === 'kernel',
        inputs: 0,
        statistic: isMoved ? statistic : undefined,
        source: weight,
      });
  }
  for (const parameter of headParameters(layers)) {
    const { name, shape, trainable } = parameter;
    const [layer] = name.split('/');
    add({
      key: headKey(name),
      length: elementCount(shape),
      shape: isKernel(name) ? shape.toReversed() : shape,
      isTrained: trainable,
      isKernel: isKernel(name),
      inputs: shape[0],
      statistic: trainable ? undefined : statisticOf(name, headKey(layer), MOVING_MOMENTUM),
      source: parameter,
    });
  }
  return { tensors, length, frozen };
}

/** The output that a moving statistic follows. */
function statisticOf(name: string, layer: string, momentum: number) {
  return { output: (name.endsWith('/moving_mean') ? meanOf : varianceOf)(layer), momentum };
}

export const isOfHead = (source: TailTensor['source']): source is HeadParameter => 'initializer' in source;

/** A tensor's numbers in a block. */
export function tensorIn(block: Float32Array, { start, length }: TailTensor): Float32Array {
  return block.subarray(start, start + length);
}

/** Fills a block with the numbers that training begins with: the network's and the head's own. */
export function writeStart(block: Float32Array, { tensors }: TensorLayout, { tensors: numbers }: Head): void {
  for (const tensor of tensors) {
    const { source } = tensor;
    const into = tensorIn(block, tensor);
    if (!isOfHead(source)) into.set(source.data);
    else {
      const found = numbers.get(source.name);
      if (found?.data.length !== tensor.length) throw new Error(`The head has no ${source.name} that fits`);
      writeLane(into, found.data, source, 0);
    }
  }
}

/** Numbers of a training in the form in which they are kept. */
interface TrainedNumbers {
  /** In the order of headParameters. */
  head: Float32Array;
  /** The tail's weights, by name. */
  tail: ReadonlyMap<string, Tensor>;
}

/** Takes a training's numbers out of a block; the tail's are those that change. */
export function readTrained(block: Float32Array, { tensors }: TensorLayout): TrainedNumbers {
  const tail = new Map<string, Tensor>();
  const head = new Float32Array(headLength(tensors));
  let offset = 0;
  for (const tensor of tensors) {
    const { source, length } = tensor;
    const numbers = tensorIn(block, tensor);
    if (!isOfHead(source)) tail.set(source.name, { shape: source.shape, data: numbers.slice() });
    else {
      readLane(numbers, head.subarray(offset, offset + length), source, 0);
      offset += length;
    }
  }
  return { head, tail };
}

/** Puts what {@link readTrained} gave, or all weights of a tail, into a block. */
export function writeTrained(
  block: Float32Array,
  { tensors }: TensorLayout,
  { head, tail }: TrainedNumbers,
): void {
  let offset = 0;
  for (const tensor of tensors) {
    const { source, length } = tensor;
    const into = tensorIn(block, tensor);
    if (!isOfHead(source)) into.set(tail.get(source.name)!.data);
    else {
      writeLane(into, head.subarray(offset, offset + length), source, 0);
      offset += length;
    }
  }
}

function headLength(tensors: readonly TailTensor[]): number {
  return tensors.reduce((sum, { source, length }) => sum + (isOfHead(source) ? length : 0), 0);
}
