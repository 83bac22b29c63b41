/** A tail's whole training step as one graph: loss, gradients and their limit, the optimiser's update, moved statistics. */
import * as build from '../../../shared/graph/build.ts';
import type { Graph, Value } from '../../../shared/graph/value.ts';
import {
  HYPERPARAMETERS,
  type StepSettings,
  stepHyperparameters,
  stepKernel,
} from '../../../shared/training/optimizers.ts';
import { gradientOf, type TailStep, tailStep } from '../../../shared/training/tail-step.ts';
import { limitNorms, updated } from '../../../shared/training/updates.ts';
import type { StepRates } from '../state.ts';
import { isOfHead, type TailTensor } from '../tensors.ts';

/** Names of a step graph's inputs and outputs beside those of {@link tailStep}. */
export const stateKey = (key: string, index: 0 | 1): string => `state${index}:${key}`;
/** The hyperparameters of each {@link GROUPS}, one after the other. */
export const HYPER = 'hyper';

/** Tensors that a step treats alike. */
const GROUPS = [
  { isOfTail: true, isKernel: true },
  { isOfTail: true, isKernel: false },
  { isOfTail: false, isKernel: true },
  { isOfTail: false, isKernel: false },
] as const;

const groupOf = ({ source, isKernel }: TailTensor): number =>
  GROUPS.findIndex((group) => group.isOfTail !== isOfHead(source) && group.isKernel === isKernel);

/** The optimiser, and which hyperparameters a group has: others cost nothing. */
export interface StepKind {
  kernel: ReturnType<typeof stepKernel>['kernel'];
  constants: readonly number[];
  maxNorm: number;
  clip: number;
  used: boolean[];
}

export function stepKind(settings: StepSettings, rates: StepRates): StepKind {
  // Whatever the schedule makes of the rate, the graph is the same.
  const used = Array.from(hyperparameters({ ...settings, lr: 1 }, rates), (value) => value !== 0);
  return { ...stepKernel(settings), maxNorm: settings.maxNorm, clip: rates.clip, used };
}

/** The array to feed as {@link HYPER}. */
export function hyperparameters(settings: StepSettings, { lrTail }: StepRates): Float32Array {
  return Float32Array.from(
    GROUPS.flatMap(({ isOfTail, isKernel }) =>
      stepHyperparameters(isOfTail ? { ...settings, lr: settings.lr * lrTail } : settings, isKernel),
    ),
  );
}

/**
 * Inputs: those of {@link tailStep}, each tensor, its optimiser state and {@link HYPER}. Outputs: `loss`, and what replaces inputs
 * under their names.
 */
export function stepGraph(step: TailStep, tensors: readonly TailTensor[], kind: StepKind): Graph {
  const { inputs, outputs } = tailStep(step);
  const inputOf = (key: string, { shape }: Value): Value =>
    inputs.get(key) ?? build.input(key, 'float32', shape);
  const hyper = build.input(HYPER, 'float32', [GROUPS.length * HYPERPARAMETERS]);
  const settingsOf = (tensor: TailTensor): (Value | undefined)[] =>
    Array.from({ length: HYPERPARAMETERS }, (_, index) => {
      const start = groupOf(tensor) * HYPERPARAMETERS + index;
      if (!kind.used[start]) return undefined;
      return build.reshape(build.slice(hyper, { axis: 0, start, end: start + 1 }), []);
    });
  const trained = tensors.filter(({ isTrained }) => isTrained);
  const gradients = trained.map(({ key }) => outputs.get(gradientOf(key))!);
  const steps = trained.map((tensor, index) => ({
    tensor,
    gradient: gradients[index],
    parameter: inputOf(tensor.key, gradients[index]),
    settings: settingsOf(tensor),
  }));
  const results: Record<string, Value> = { loss: outputs.get('loss')! };
  for (const { tensor, gradient, parameter, settings } of kind.clip > 0 ? clipped(steps, kind.clip) : steps) {
    const state: [Value, Value] = [
      inputOf(stateKey(tensor.key, 0), gradient),
      inputOf(stateKey(tensor.key, 1), gradient),
    ];
    const next = updated(kind.kernel, gradient, { parameter, state }, settings, kind.constants);
    const isLimited = kind.maxNorm > 0 && tensor.isKernel && isOfHead(tensor.source);
    results[tensor.key] = isLimited ? limitNorms(next.parameter, kind.maxNorm) : next.parameter;
    for (const index of [0, 1] as const)
      if (next.state[index] !== state[index]) results[stateKey(tensor.key, index)] = next.state[index];
  }
  for (const { key, statistic } of tensors) {
    if (!statistic) continue;
    const batch = outputs.get(statistic.output)!;
    const kept = build.mul(inputOf(key, batch), build.scalar(statistic.momentum));
    results[key] = build.add(kept, build.mul(batch, build.scalar(1 - statistic.momentum)));
  }
  return build.graph(results);
}

interface TensorStep {
  tensor: TailTensor;
  gradient: Value;
  parameter: Value;
  settings: (Value | undefined)[];
}

const sum = (value: Value): Value =>
  build.reduceSum(value, { axes: value.shape.map((_, axis) => axis), keepDims: false });

/** Keras's global_clipnorm: gradients, with those of penalties, shrunk until the norm of all is at most `limit`. */
function clipped(steps: readonly TensorStep[], limit: number): TensorStep[] {
  const whole = steps.map(({ gradient, parameter, settings: [rate, l2, decay, momentum, l1], ...rest }) => {
    const ridge = l2 ? build.add(gradient, build.mul(l2, parameter)) : gradient;
    const all = l1 ? build.add(ridge, build.mul(l1, build.sign(parameter))) : ridge;
    return { ...rest, parameter, gradient: all, settings: [rate, undefined, decay, momentum, undefined] };
  });
  const squares = whole.map(({ gradient }) => sum(build.mul(gradient, gradient)));
  const norm = build.sqrt(squares.reduce((a, b) => build.add(a, b)));
  // limit / max(norm, limit)
  const excess = build.relu(build.sub(norm, build.scalar(limit)));
  const factor = build.div(build.scalar(limit), build.add(excess, build.scalar(limit)));
  return whole.map((step) => ({ ...step, gradient: build.mul(step.gradient, factor) }));
}
