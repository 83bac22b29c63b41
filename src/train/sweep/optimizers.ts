/** The table of optimisers: their constants, their state, and the kernel that applies a step. */
import type { HeadTraining, OptimizerName } from '../../shared/head/config.ts';
import type { Arena, ArenaArray } from './arena.ts';

/** A trainable tensor with its gradient and the optimiser's state, all of one length. */
export interface OptimizedTensor {
  parameter: ArenaArray;
  gradient: ArenaArray;
  state: [ArenaArray, ArenaArray];
}

/** Hyperparameters of a tensor's elements, as the kernels read them: five arrays with a common period. */
export interface HyperPattern {
  array: ArenaArray;
  /** Entries per array before they repeat. */
  period: number;
  /** Floats from one of the five arrays to the next. */
  stride: number;
}

/** The kernels of kernels.ts that apply a step. */
export type KernelName = 'adam' | 'sgd' | 'rmsprop' | 'adagrad' | 'adadelta';

interface Optimizer {
  /** Initial value of each state array; from Keras. */
  initialState: readonly [number, number];
  /** The learning rate as the kernel wants it at step `t` (from 1). */
  rate(lr: number, step: number): number;
  kernel: KernelName;
  /** Arguments of the kernel after the pattern, with Keras's defaults (keras/src/optimizers). */
  constants(settings: StepSettings): readonly number[];
  /** Whether `l2` decays weights directly (AdamW) and not through the gradient. */
  decoupled: boolean;
}

const ADAM_BETAS = [0.9, 0.999] as const;
const EPSILON = 1e-7;

/** Adam's bias corrections, folded into the learning rate as Keras does. */
function adamRate(lr: number, step: number): number {
  return (lr * Math.sqrt(1 - ADAM_BETAS[1] ** step)) / (1 - ADAM_BETAS[0] ** step);
}

const plainRate = (lr: number): number => lr;
const adam = {
  initialState: [0, 0],
  rate: adamRate,
  kernel: 'adam',
  constants: () => [...ADAM_BETAS, EPSILON],
} as const;

/** Optimisers that step batch by batch; lbfgs has a loop of its own (solve-stack.ts). */
export type SteppingOptimizer = Exclude<OptimizerName, 'lbfgs'>;

const OPTIMIZERS: Readonly<Record<SteppingOptimizer, Optimizer>> = {
  adam: { ...adam, decoupled: false },
  adamw: { ...adam, decoupled: true },
  sgd: {
    initialState: [0, 0],
    rate: plainRate,
    kernel: 'sgd',
    constants: ({ nesterov }) => [Number(nesterov)],
    decoupled: false,
  },
  rmsprop: {
    initialState: [0, 0],
    rate: plainRate,
    kernel: 'rmsprop',
    constants: () => [0.9, EPSILON],
    decoupled: false,
  },
  adagrad: {
    initialState: [0.1, 0],
    rate: plainRate,
    kernel: 'adagrad',
    constants: () => [EPSILON],
    decoupled: false,
  },
  adadelta: {
    initialState: [0, 0],
    rate: plainRate,
    kernel: 'adadelta',
    constants: () => [0.95, EPSILON],
    decoupled: false,
  },
};

/** Initial values of an optimiser's two state arrays. */
export function initialState(name: SteppingOptimizer): readonly [number, number] {
  return OPTIMIZERS[name].initialState;
}

/** A learning rate, and the settings that a step combines with it. */
export interface StepSettings extends Pick<HeadTraining, 'l2' | 'l1' | 'momentum' | 'nesterov' | 'maxNorm'> {
  optimizer: SteppingOptimizer;
  lr: number;
  /** Steps taken including this one. */
  step: number;
}

/** What {@link stepHyperparameters} gives: learning rate, doubled l2, decoupled decay, momentum, l1. */
export const HYPERPARAMETERS = 5;

/** Length of the array that holds a pattern of `period` entries. */
export function patternLength(period: number): number {
  return HYPERPARAMETERS * patternStride(period);
}

/** Each of the four arrays repeats its first three entries, so that a vector of four may start at any entry. */
function patternStride(period: number): number {
  return period + 3;
}

/** The hyperparameters that may differ by lane, in the kernels' order. */
export function stepHyperparameters(
  { optimizer, lr, l2, l1, momentum, step }: StepSettings,
  isKernel: boolean,
): number[] {
  const { rate, decoupled } = OPTIMIZERS[optimizer];
  const penalty = isKernel ? l2 : 0;
  return [
    rate(lr, step),
    decoupled ? 0 : 2 * penalty,
    decoupled ? lr * penalty : 0,
    momentum,
    isKernel ? l1 : 0,
  ];
}

/** The kernel that applies a step, and the constants it is called with. */
export function stepKernel(settings: StepSettings): { kernel: KernelName; constants: readonly number[] } {
  const { kernel, constants } = OPTIMIZERS[settings.optimizer];
  return { kernel, constants: constants(settings) };
}

/**
 * Writes one lane's hyperparameters to entries `start` up to `end` of a pattern.
 * @param isKernel whether the tensor is subject to l2 (kernels are; biases and batch-norm are not)
 */
export function writePattern(
  { array: { view }, period, stride }: HyperPattern,
  start: number,
  end: number,
  settings: StepSettings,
  isKernel: boolean,
): void {
  const entries = stepHyperparameters(settings, isKernel);
  for (const [row, entry] of entries.entries()) {
    const base = row * stride;
    view.fill(entry, base + start, base + end);
    for (let at = start; at < Math.min(end, 3); at++) view[base + period + at] = entry;
  }
}

export function createPattern(arena: Arena, period: number): HyperPattern {
  return { array: arena.allocate(patternLength(period)), period, stride: patternStride(period) };
}

/**
 * Updates a tensor in place.
 * @param settings of any lane: a stack shares its optimiser, its nesterov and its maxNorm
 * @param columns units of a kernel, whose norms maxNorm limits; absent for other tensors
 */
export function applyStep(
  { kernels }: Arena,
  settings: StepSettings,
  { parameter, gradient, state }: OptimizedTensor,
  { array, stride, period }: HyperPattern,
  columns: number | undefined,
): void {
  const { kernel, constants } = stepKernel(settings);
  kernels[kernel](
    parameter.address,
    gradient.address,
    state[0].address,
    state[1].address,
    parameter.padded,
    array.address,
    stride * Float32Array.BYTES_PER_ELEMENT,
    period,
    ...constants,
  );
  if (settings.maxNorm > 0 && columns !== undefined) {
    kernels.maxNorm(parameter.address, parameter.view.length / columns, columns, settings.maxNorm);
  }
}
