/** The table of optimisers: their constants, their state, and the kernel that applies a step. */
import { usage } from '../errors.ts';
import { elementCount, type Shape } from '../graph/value.ts';
import type { HeadTraining, OptimizerName } from '../head/config.ts';
import type { Arena, ArenaArray } from './arena.ts';

/** A trainable tensor of a stack with its gradient and the optimiser's state: the heads' numbers, one after the other. */
export interface OptimizedTensor {
  parameter: ArenaArray;
  gradient: ArenaArray;
  state: [ArenaArray, ArenaArray];
}

/** The kernels of training.ts that apply a step. */
export type KernelName = 'adam' | 'sgd' | 'rmsprop' | 'adagrad' | 'adadelta';

interface Optimizer {
  /** Initial value of each state array; from Keras. */
  initialState: readonly [number, number];
  /** The learning rate as the kernel wants it at step `t` (from 1). */
  rate(lr: number, step: number): number;
  kernel: KernelName;
  /** Arguments of the kernel after the hyperparameters, with Keras's defaults (keras/src/optimizers). */
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

/** Everything that training changes about a network. */
export interface TrainingState {
  /** All parameters one after the other; a head's are in the order of headParameters. */
  parameters: Float32Array;
  /** The optimiser's two state arrays for the same positions (unused where a parameter is not trainable). */
  optimizer: [Float32Array, Float32Array];
}

/** @throws UsageError for one that does not step batch by batch */
export function steppingOptimizer(name: OptimizerName): SteppingOptimizer {
  if (name === 'lbfgs') throw usage('an optimizer that steps batch by batch', '--optimizer', name);
  return name;
}

/** What the optimiser's two state arrays are filled with before the first step. */
export function initialState(optimizer: SteppingOptimizer): readonly [number, number] {
  return OPTIMIZERS[optimizer].initialState;
}

/** The state before the first step. */
export function freshState(parameters: Float32Array, optimizer: SteppingOptimizer): TrainingState {
  const [first, second] = initialState(optimizer);
  return {
    parameters,
    optimizer: [
      new Float32Array(parameters.length).fill(first),
      new Float32Array(parameters.length).fill(second),
    ],
  };
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
 * Updates one head's part of a tensor in place.
 * @param shape of that part; kernels end in [units, inputs]
 * @param isKernel whether the tensor is subject to l2, l1 and maxNorm (biases and batch-norm are not)
 */
export function applyStep(
  arena: Arena,
  settings: StepSettings,
  { parameter, gradient, state }: OptimizedTensor,
  { shape, lane, isKernel }: { shape: Shape; lane: number; isKernel: boolean },
): void {
  const count = elementCount(shape);
  const own = ({ address }: ArenaArray) => address + lane * count * Float32Array.BYTES_PER_ELEMENT;
  const inputs = shape[shape.length - 1];
  stepper(arena, settings, { inputs, isKernel })(
    count,
    own(parameter),
    own(gradient),
    own(state[0]),
    own(state[1]),
  );
}

/** Steps so many numbers at the addresses of parameters, gradients and the two state arrays. */
type Stepper = (count: number, parameters: number, gradients: number, first: number, second: number) => void;

/**
 * What steps the parts of a tensor, one after the other.
 * @param isKernel as for {@link applyStep}; parts are whole rows of `inputs` then
 */
export function stepper(
  { kernels }: Arena,
  settings: StepSettings,
  { inputs, isKernel }: { inputs: number; isKernel: boolean },
): Stepper {
  const { kernel, constants } = stepKernel(settings);
  const step = kernels[kernel];
  const values = [...stepHyperparameters(settings, isKernel), ...constants];
  return (count, parameters, gradients, first, second) => {
    step(parameters, gradients, first, second, count, ...values);
    if (isKernel && settings.maxNorm > 0)
      kernels.maxNorm(parameters, count / inputs, inputs, settings.maxNorm);
  };
}
