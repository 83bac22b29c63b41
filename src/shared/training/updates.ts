/** Optimiser steps as graph operations: the arithmetic of the kernels, value by value. */
import * as build from '../graph/build.ts';
import type { Value } from '../graph/value.ts';
import type { KernelName } from './optimizers.ts';

/**
 * What {@link stepHyperparameters} gives, in its order: learning rate, twice the l2 penalty, decoupled decay, momentum,
 * l1 penalty. Each broadcasts over the tensor; undefined stands for zero.
 */
export type Hyperparameters = readonly (Value | undefined)[];

/** A tensor and its optimiser's two state arrays. */
export interface Updated {
  parameter: Value;
  state: [Value, Value];
}

type Update = (
  gradient: Value,
  { parameter, state }: Updated,
  settings: { rate: Value; decay: Value | undefined; momentum: Value | undefined },
  constants: readonly number[],
) => Updated;

const { add, sub, mul, div, sqrt, scalar } = build;
const square = (x: Value): Value => mul(x, x);
/** v + (x - v) (1 - beta). */
const blend = (v: Value, x: Value, beta: number): Value => add(v, mul(sub(x, v), scalar(1 - beta)));

/** By the kernel's name; `constants` are the kernel's last arguments. */
const UPDATES: Readonly<Record<KernelName, Update>> = {
  adam(gradient, { parameter, state: [m, v] }, { rate, decay }, [beta1, beta2, epsilon]) {
    const first = blend(m, gradient, beta1);
    const second = blend(v, square(gradient), beta2);
    const decayed = decay ? sub(parameter, mul(parameter, decay)) : parameter;
    const step = div(mul(first, rate), add(sqrt(second), scalar(epsilon)));
    return { parameter: sub(decayed, step), state: [first, second] };
  },
  sgd(gradient, { parameter, state: [velocity, unused] }, { rate, momentum }, [nesterov]) {
    const descent = mul(gradient, rate);
    const moved = momentum ? sub(mul(velocity, momentum), descent) : build.neg(descent);
    const step = nesterov && momentum ? sub(mul(moved, momentum), descent) : moved;
    return { parameter: add(parameter, step), state: [moved, unused] };
  },
  rmsprop(gradient, { parameter, state: [mean, velocity] }, { rate, momentum }, [rho, epsilon]) {
    const second = blend(mean, square(gradient), rho);
    const step = div(mul(gradient, rate), sqrt(add(second, scalar(epsilon))));
    const moved = momentum ? add(mul(velocity, momentum), step) : step;
    return { parameter: sub(parameter, moved), state: [second, moved] };
  },
  adagrad(gradient, { parameter, state: [sum, unused] }, { rate }, [epsilon]) {
    const total = add(sum, square(gradient));
    const step = div(mul(gradient, rate), sqrt(add(total, scalar(epsilon))));
    return { parameter: sub(parameter, step), state: [total, unused] };
  },
  adadelta(gradient, { parameter, state: [mean, steps] }, { rate }, [rho, epsilon]) {
    const second = blend(mean, square(gradient), rho);
    const scale = sqrt(div(add(steps, scalar(epsilon)), add(second, scalar(epsilon))));
    const step = mul(scale, gradient);
    return {
      parameter: sub(parameter, mul(step, rate)),
      state: [second, blend(steps, square(step), rho)],
    };
  },
};

/**
 * A tensor and its state after a step.
 * @param constants the kernel's last arguments, as the table of optimisers gives them
 */
export function updated(
  kernel: KernelName,
  gradient: Value,
  tensor: Updated,
  [rate = scalar(0), l2, decay, momentum, l1]: Hyperparameters,
  constants: readonly number[],
): Updated {
  const { parameter } = tensor;
  let total = gradient;
  if (l2) total = add(total, mul(l2, parameter));
  if (l1) total = add(total, mul(l1, build.sign(parameter)));
  return UPDATES[kernel](total, tensor, { rate, decay, momentum }, constants);
}

/** Keras adds its epsilon to the norm that it divides by. */
const NORM_EPSILON = 1e-7;

/** Scales rows of [..., units, inputs] down to a norm of at most `limit` (Keras MaxNorm over a unit's inputs). */
export function limitNorms(kernel: Value, limit: number): Value {
  const norms = sqrt(build.reduceSum(square(kernel), { axes: [kernel.shape.length - 1], keepDims: true }));
  const exceeds = build.sign(build.relu(sub(norms, scalar(limit))));
  const scaled = div(scalar(limit), add(norms, scalar(NORM_EPSILON)));
  return mul(kernel, add(scalar(1), mul(exceeds, sub(scaled, scalar(1)))));
}
