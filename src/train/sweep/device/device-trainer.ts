/** A stack that trains on an engine's device: parameters, moments and rows stay there, only results come back. */
import { setImmediate } from 'node:timers/promises';
import type { TrainingData } from '../../../shared/dataset/data.ts';
import type { DeviceArray, DeviceEngine, DeviceProgram } from '../../../shared/engines/engine.ts';
import type { HeadConfig } from '../../../shared/head/config.ts';
import { maskShape } from '../../../shared/head/forward.ts';
import { type Arena, layOut } from '../../../shared/training/arena.ts';
import { drawMask } from '../../../shared/training/dropout.ts';
import { HYPERPARAMETERS } from '../../../shared/training/optimizers.ts';
import type { StackTrainer } from '../trainer.ts';
import { evaluationGraph, maskKey, parameterKey, type StackShape } from '../training-graph.ts';
import { createDeviceArrays } from './device-arrays.ts';
import type { DeviceData } from './device-data.ts';
import {
  HYPER,
  hyperparameterRows,
  LOSSES,
  type StepKind,
  stateKey,
  stepGraph,
  stepKind,
} from './step-graph.ts';

const STATES = [0, 1] as const;

/** Probabilities per call when validating, at most, in numbers. */
const MAX_PROBABILITIES = 2 ** 24;

/**
 * @param arena where dropout masks are drawn; whatever was there is lost
 * @param config of any of the heads, for what all heads of the stack share
 */
export function deviceTrainer(
  device: DeviceData,
  data: TrainingData,
  arena: Arena,
  shape: StackShape,
  config: HeadConfig,
): StackTrainer {
  const { engine } = device;
  const { lanes } = shape;
  /** Parameters, optimiser state and the sum of losses. */
  const arrays = createDeviceArrays(engine, shape);
  const masks = maskUploader(engine, arena, shape, Math.min(config.batchSize, data.rows.train));
  const resetLosses = () => arrays.hold(LOSSES, engine.upload(new Float32Array(lanes), [lanes]));
  let kind: StepKind | undefined;
  return {
    lanes,
    load(states) {
      arrays.scatter(
        parameterKey,
        states.map(({ parameters }) => parameters),
      );
      for (const index of STATES)
        arrays.scatter(
          (name) => stateKey(name, index),
          states.map(({ optimizer }) => optimizer[index]),
        );
      resetLosses();
    },
    async step(rows, settings, maskSeed) {
      // Steps are only queued here: between two, messages get their turn.
      await setImmediate();
      kind ??= stepKind(settings);
      const fed = {
        ...batchArrays(device, config, rows),
        ...masks(rows.length, maskSeed),
        [HYPER]: engine.upload(hyperparameterRows(settings, lanes), [2 * HYPERPARAMETERS, lanes]),
      };
      const replaced = stepProgram(device, shape, rows.length, kind).run({ ...arrays.all(), ...fed });
      for (const array of Object.values(fed)) array.free();
      for (const [name, array] of Object.entries(replaced)) arrays.hold(name, array);
    },
    async takeLosses() {
      const losses = Float64Array.from(await arrays.get(LOSSES).read());
      resetLosses();
      return losses;
    },
    validate: () => validate(device, data, shape, config, arrays.all()),
    parameters: (chosen) => arrays.gather(parameterKey, chosen),
    async save(chosen) {
      const parameters = await arrays.gather(parameterKey, chosen);
      const first = await arrays.gather((name) => stateKey(name, 0), chosen);
      const second = await arrays.gather((name) => stateKey(name, 1), chosen);
      return chosen.map((_, index) => ({
        parameters: parameters[index],
        optimizer: [first[index], second[index]],
      }));
    },
    release: arrays.release,
  };
}

/** Everything that a step graph depends on is in the program's name. */
function stepProgram(device: DeviceData, shape: StackShape, batch: number, kind: StepKind): DeviceProgram {
  return device.program(`step ${batch} ${JSON.stringify(shape)} ${JSON.stringify(kind)}`, () =>
    stepGraph(shape, batch, kind),
  );
}

/** A batch of the training rows, for one step. */
function batchArrays(
  device: DeviceData,
  config: HeadConfig,
  rows: Int32Array,
): Record<'features' | 'targets' | 'weights', DeviceArray> {
  const { engine } = device;
  const { targets, weights } = device.targets(config, rows.length);
  return {
    features: engine.gather(device.features(config.normalize, 'train'), rows),
    targets: engine.gather(targets, rows),
    weights: engine.gather(weights, rows),
  };
}

/**
 * Returns a function that draws a step's dropout masks and moves them to the device.
 * @param maxRows of a batch
 */
function maskUploader(
  engine: DeviceEngine,
  arena: Arena,
  { layers }: StackShape,
  maxRows: number,
): (batch: number, seed: number) => Record<string, DeviceArray> {
  const dropouts = layers.filter((layer) => layer.kind === 'dropout');
  const masks = layOut(arena, (allocate) =>
    dropouts.map((layer) => ({ layer, array: allocate(maxRows * layer.units) })),
  );
  return (batch, seed) =>
    Object.fromEntries(
      masks.map(({ layer, array }, index) => {
        drawMask(arena, layer.rate, array, seed, index);
        const mask = array.view.slice(0, batch * layer.units);
        return [maskKey(layer.name), engine.upload(mask, maskShape(layers, layer, batch))];
      }),
    );
}

/** Probabilities of all validation rows, [rows, lanes, classes]. */
async function validate(
  device: DeviceData,
  data: TrainingData,
  shape: StackShape,
  { normalize }: HeadConfig,
  arrays: Record<string, DeviceArray>,
): Promise<Float32Array> {
  const program = device.program(`validation ${JSON.stringify(shape)}`, () => evaluationGraph(shape));
  const width = shape.lanes * shape.classes;
  const probabilities = new Float32Array(data.rows.val * width);
  const chunk = Math.max(1, Math.floor(MAX_PROBABILITIES / width));
  for (let start = 0; start < data.rows.val; start += chunk) {
    const count = Math.min(chunk, data.rows.val - start);
    const rows = Int32Array.from({ length: count }, (_, index) => start + index);
    const features = device.engine.gather(device.features(normalize, 'val'), rows);
    const computed = program.run({ ...arrays, features });
    probabilities.set(await computed.probabilities.read(), start * width);
    features.free();
    computed.probabilities.free();
  }
  return probabilities;
}
