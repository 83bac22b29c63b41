/** A whole training step as one graph: loss, gradients, the optimiser's update, and the sum of losses so far. */
import * as build from '../../../shared/graph/build.ts';
import type { Graph, Value } from '../../../shared/graph/value.ts';
import { MOVING_MOMENTUM } from '../../../shared/head/forward.ts';
import { type HeadParameter, headParameters } from '../../../shared/head/layers.ts';
import { isKernel } from '../../../shared/training/lanes.ts';
import type { StepSettings } from '../../../shared/training/optimizers.ts';
import { HYPERPARAMETERS, stepHyperparameters, stepKernel } from '../../../shared/training/optimizers.ts';
import { type Hyperparameters, limitNorms, updated } from '../../../shared/training/updates.ts';
import { statisticsKey } from '../stack.ts';
import {
  gradientKey,
  isWide,
  parameterKey,
  parameterShape,
  type StackShape,
  trainingGraph,
} from '../training-graph.ts';

/** Names of a step graph's inputs and outputs beside the training graph's. */
export const stateKey = (name: string, index: 0 | 1): string => `state${index}:${name}`;
/** [lanes]: losses so far, each times its rows. */
export const LOSSES = 'losses';
/** [rows, lanes]: first the hyperparameters of kernels, then those of all other tensors. */
export const HYPER = 'hyper';

/** A stack's optimiser, and which hyperparameters any of its heads has: others cost nothing. */
export interface StepKind {
  kernel: ReturnType<typeof stepKernel>['kernel'];
  constants: readonly number[];
  maxNorm: number;
  used: { kernels: boolean[]; others: boolean[] };
}

/** @param settings of all heads of a stack, at any step */
export function stepKind(settings: readonly StepSettings[]): StepKind {
  const used = (ofKernels: boolean) =>
    stepHyperparameters(settings[0], ofKernels).map((_, index) =>
      settings.some((one) => stepHyperparameters(one, ofKernels)[index] !== 0),
    );
  return {
    ...stepKernel(settings[0]),
    maxNorm: settings[0].maxNorm,
    used: { kernels: used(true), others: used(false) },
  };
}

/** The array to feed as {@link HYPER}; lanes without settings get zeros. */
export function hyperparameterRows(settings: readonly StepSettings[], lanes: number): Float32Array {
  const perLane = settings.map((one) => [
    ...stepHyperparameters(one, true),
    ...stepHyperparameters(one, false),
  ]);
  const rows = new Float32Array(2 * HYPERPARAMETERS * lanes);
  for (const [lane, entries] of perLane.entries())
    for (const [row, entry] of entries.entries()) rows[row * lanes + lane] = entry;
  return rows;
}

/**
 * Inputs: the training graph's, the optimiser's state, {@link HYPER} and {@link LOSSES}. Outputs, under the names of the
 * inputs that they replace: parameters, state and {@link LOSSES}.
 */
export function stepGraph(shape: StackShape, batch: number, kind: StepKind): Graph {
  const { lanes, layers } = shape;
  const training = trainingGraph(shape, batch);
  const { kernels, others } = kind.used;
  const hyper = build.input(HYPER, 'float32', [2 * HYPERPARAMETERS, lanes]);
  const outputs: Record<string, Value> = {};
  const replace = (key: string, value: Value, old: Value) => {
    if (value !== old) outputs[key] = value;
  };
  for (const spec of headParameters(layers)) {
    const { name } = spec;
    const size = parameterShape(spec, shape);
    const parameter =
      training.inputs.get(parameterKey(name)) ?? build.input(parameterKey(name), 'float32', size);
    if (!spec.trainable) {
      const fresh = training.outputs.get(statisticsKey(name))!;
      const moved = build.add(
        build.mul(parameter, build.scalar(MOVING_MOMENTUM)),
        build.mul(fresh, build.scalar(1 - MOVING_MOMENTUM)),
      );
      replace(parameterKey(name), moved, parameter);
      continue;
    }
    const penalised = isKernel(name);
    const state: [Value, Value] = [
      build.input(stateKey(name, 0), 'float32', size),
      build.input(stateKey(name, 1), 'float32', size),
    ];
    const next = updated(
      kind.kernel,
      training.outputs.get(gradientKey(name))!,
      { parameter, state },
      settingsOf(spec, shape, hyper, penalised ? 0 : HYPERPARAMETERS, penalised ? kernels : others),
      kind.constants,
    );
    const limited = penalised && kind.maxNorm > 0 ? limitNorms(next.parameter, kind.maxNorm) : next.parameter;
    replace(parameterKey(name), limited, parameter);
    replace(stateKey(name, 0), next.state[0], state[0]);
    replace(stateKey(name, 1), next.state[1], state[1]);
  }
  const losses = build.input(LOSSES, 'float32', [lanes]);
  const loss = build.reshape(training.outputs.get('loss')!, [lanes]);
  outputs[LOSSES] = build.add(losses, build.mul(loss, build.scalar(batch)));
  return build.graph(outputs);
}

/** The hyperparameters of one tensor, from row `start` of all, shaped to broadcast over it. */
function settingsOf(
  spec: HeadParameter,
  shape: StackShape,
  hyper: Value,
  start: number,
  used: readonly boolean[],
): Hyperparameters {
  const { lanes, layers } = shape;
  const units = spec.shape.at(-1)!;
  return used.map((isUsed, index) => {
    if (!isUsed) return undefined;
    const row = build.slice(hyper, { axis: 0, start: start + index, end: start + index + 1 });
    if (lanes === 1) return build.reshape(row, []);
    if (!isWide(spec.name, layers)) return build.reshape(row, [lanes, ...spec.shape.map(() => 1)]);
    const repeated = build.broadcastTo(build.reshape(row, [lanes, 1]), [lanes, units]);
    return build.reshape(repeated, [lanes * units, 1]);
  });
}
