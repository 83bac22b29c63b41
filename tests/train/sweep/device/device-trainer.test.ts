/** Stacks that train on the engine's device, beside the same stacks trained with the kernels. */

import { beforeAll, describe, expect, it } from 'vitest';
import { deviceEngineOf } from '../../../../src/shared/engines/device.ts';
import type { Engine } from '../../../../src/shared/engines/engine.ts';
import type { HeadConfig } from '../../../../src/shared/head/config.ts';
import { headLayers, headParameters } from '../../../../src/shared/head/layers.ts';
import type { HeadRequest } from '../../../../src/shared/head/options.ts';
import { resolveConfig } from '../../../../src/shared/head/resolve.ts';
import { random } from '../../../../src/shared/random.ts';
import { createArena } from '../../../../src/shared/training/arena.ts';
import {
  freshState,
  type SteppingOptimizer,
  type TrainingState,
} from '../../../../src/shared/training/optimizers.ts';
import { createDeviceData } from '../../../../src/train/sweep/device/device-data.ts';
import { deviceTrainer } from '../../../../src/train/sweep/device/device-trainer.ts';
import { createPrograms } from '../../../../src/train/sweep/programs.ts';
import { createStack } from '../../../../src/train/sweep/stack.ts';
import { hostTrainer, type StackTrainer } from '../../../../src/train/sweep/trainer.ts';
import type { StackShape } from '../../../../src/train/sweep/training-graph.ts';
import { ENGINES_UNDER_TEST, loadUnderTest } from '../../../support/engines.ts';
import { clouds } from '../../../support/point-clouds.ts';

const data = clouds({ train: 90, val: 30, test: 0 }, { inputs: 12 });
const STEPS = 50;
const BATCH = 32;

function shapeOf(config: HeadConfig, lanes: number): StackShape {
  const layers = headLayers(config, data.inputs, data.classes);
  return {
    layers,
    lanes,
    output: config.output,
    loss: config.loss,
    inputs: data.inputs,
    classes: data.classes,
  };
}

/** Drawn for each lane, in the order of headParameters. */
function startOf(config: HeadConfig, lane: number): TrainingState {
  const stream = random(lane, 'start');
  const specs = headParameters(headLayers(config, data.inputs, data.classes));
  const parameters = specs.flatMap(({ shape, initializer }) =>
    Array.from({ length: shape.reduce((a, b) => a * b) }, () =>
      initializer === 'ones' ? 1 : initializer === 'zeros' ? 0 : 0.3 * stream.normal(),
    ),
  );
  return freshState(Float32Array.from(parameters), config.optimizer as SteppingOptimizer);
}

interface Outcome {
  losses: Float64Array;
  probabilities: Float32Array;
  states: TrainingState[];
}

async function run(
  trainer: StackTrainer,
  configs: readonly HeadConfig[],
  starts: TrainingState[],
): Promise<Outcome> {
  trainer.load(starts);
  for (let step = 0; step < STEPS; step++) {
    // Every third batch is a short one, as at the end of an epoch.
    const rows = Int32Array.from({ length: step % 3 === 2 ? 26 : BATCH }, (_, i) => (step * 7 + i * 5) % 90);
    const settings = configs.map((config) => ({
      ...config,
      optimizer: config.optimizer as SteppingOptimizer,
      step: step + 1,
    }));
    await trainer.step(rows, settings, step);
  }
  const lanes = configs.map((_, lane) => lane);
  const outcome = {
    losses: await trainer.takeLosses(),
    probabilities: await trainer.validate(),
    states: await trainer.save(lanes),
  };
  expect((await trainer.takeLosses()).every((loss) => loss === 0)).toBe(true);
  expect(await trainer.parameters(lanes)).toEqual(outcome.states.map(({ parameters }) => parameters));
  trainer.release();
  return outcome;
}

/** The largest difference, relative where numbers are larger than 1. */
function farthest(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual).toHaveLength(expected.length);
  return Math.max(
    ...Array.from(expected, (value, i) => Math.abs(actual[i] - value) / Math.max(1, Math.abs(value))),
  );
}

const CASES: Record<string, Partial<HeadRequest>> = {
  adam: { optimizer: 'adam', lr: 1e-2 },
  'adam with penalties': { optimizer: 'adam', lr: 1e-2, l2: 0.02, l1: 0.005 },
  adamw: { optimizer: 'adamw', lr: 1e-2, l2: 0.05 },
  sgd: { optimizer: 'sgd', lr: 5e-2, l2: 0.02 },
  'sgd with momentum': { optimizer: 'sgd', lr: 5e-2, momentum: 0.9 },
  'sgd with nesterov': { optimizer: 'sgd', lr: 5e-2, momentum: 0.9, nesterov: true },
  rmsprop: { optimizer: 'rmsprop', lr: 1e-3 },
  'rmsprop with momentum': { optimizer: 'rmsprop', lr: 1e-3, momentum: 0.5 },
  adagrad: { optimizer: 'adagrad', lr: 5e-2 },
  adadelta: { optimizer: 'adadelta', lr: 1 },
  'max-norm': { optimizer: 'adam', lr: 1e-2, maxNorm: 0.9 },
  'class weights and smoothing': { lr: 1e-2, classWeight: 'balanced', labelSmoothing: 0.1 },
};

const HIDDEN: Record<string, Partial<HeadRequest>> = {
  'hidden layers': { hidden: [10, 6], lr: 1e-2 },
  // Without biases: before a batch-norm their gradients are rounding alone, which adam blows up.
  'batch-norm and dropout': { hidden: [10], bias: false, batchNorm: true, dropout: 0.3, lr: 1e-2, l2: 1e-3 },
  'batch-norm first': { hidden: [10], batchNorm: true, order: ['bn', 'dense', 'activation', 'dropout'] },
  'dropped features': { dropout: 0.4, lr: 1e-2 },
  'squeeze-and-excitation': { hidden: [10], se: 4, lr: 1e-2 },
};

const resident = ENGINES_UNDER_TEST.filter((name) => name !== 'onnxruntime');

describe.each(resident)('a stack on the device of %s', (name) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await loadUnderTest(name, { threads: 1 });
  });

  const onDevice = async (configs: readonly HeadConfig[], starts: TrainingState[]): Promise<Outcome> => {
    const device = createDeviceData(deviceEngineOf(engine), data);
    const shape = shapeOf(configs[0], configs.length);
    const outcome = await run(deviceTrainer(device, data, createArena(), shape, configs[0]), configs, starts);
    device.release();
    return outcome;
  };
  const withKernels = async (configs: readonly HeadConfig[], starts: TrainingState[]): Promise<Outcome> => {
    const programs = createPrograms(engine);
    const stack = createStack(createArena(), programs, shapeOf(configs[0], configs.length), BATCH);
    const outcome = await run(hostTrainer(stack, data, configs[0]), configs, starts);
    await programs.release();
    return outcome;
  };
  const compare = (actual: Outcome, expected: Outcome) => {
    expect(farthest(actual.losses, expected.losses)).toBeLessThan(1e-5);
    expect(farthest(actual.probabilities, expected.probabilities)).toBeLessThan(1e-5);
    for (const [lane, { parameters, optimizer }] of expected.states.entries()) {
      expect(farthest(actual.states[lane].parameters, parameters)).toBeLessThan(1e-5);
      for (const index of [0, 1])
        expect(farthest(actual.states[lane].optimizer[index], optimizer[index])).toBeLessThan(1e-5);
    }
  };
  /** Three heads that differ in all that heads of a stack may differ in. */
  const three = (request: Partial<HeadRequest>) =>
    [1, 0.5, 0].map((share) =>
      resolveConfig(
        {
          normalize: 'none',
          batchSize: BATCH,
          ...request,
          lr: (request.lr ?? 1e-2) * (0.5 + share),
          l2: (request.l2 ?? 0) * share,
          l1: (request.l1 ?? 0) * share,
          momentum: (request.momentum ?? 0) * (0.4 + 0.6 * share),
        },
        'multiclass',
      ),
    );

  it.each(Object.entries(CASES))(
    `gives what the kernels give after ${STEPS} steps: %s`,
    async (_, request) => {
      const configs = three(request);
      const starts = configs.map((config, lane) => startOf(config, lane));
      const expected = await withKernels(configs, starts);
      compare(await onDevice(configs, starts), expected);
      expect(farthest(expected.states[0].parameters, starts[0].parameters)).toBeGreaterThan(0.01);
    },
  );

  it.each(Object.entries(HIDDEN))(
    'gives heads side by side what the kernels give each alone: %s',
    async (_, request) => {
      const configs = three(request);
      const starts = configs.map((config, lane) => startOf(config, lane));
      const together = await onDevice(configs, starts);
      for (const [lane, config] of configs.entries()) {
        const alone = await withKernels([config], [starts[lane]]);
        const answers = Float32Array.from(alone.probabilities, (_, index) => {
          const [row, answer] = [Math.floor(index / data.classes), index % data.classes];
          return together.probabilities[(row * configs.length + lane) * data.classes + answer];
        });
        const own = {
          losses: together.losses.slice(lane, lane + 1),
          probabilities: answers,
          states: [together.states[lane]],
        };
        compare(own, alone);
        compare(await onDevice([config], [starts[lane]]), alone);
      }
    },
  );
});
