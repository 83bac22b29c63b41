/** A stack that trains on an engine's device: parameters, moments and rows stay there, only results come back. */
import { setImmediate } from 'node:timers/promises';
import type { TrainingData } from '../../../shared/dataset/data.ts';
import type { DeviceArray } from '../../../shared/engines/engine.ts';
import { elementCount } from '../../../shared/graph/value.ts';
import type { HeadConfig } from '../../../shared/head/config.ts';
import { maskShape } from '../../../shared/head/forward.ts';
import { headParameters } from '../../../shared/head/layers.ts';
import { type Arena, layOut } from '../../../shared/training/arena.ts';
import { drawMask } from '../../../shared/training/dropout.ts';
import { HYPERPARAMETERS } from '../../../shared/training/optimizers.ts';
import { readLane, writeLane } from '../lanes.ts';
import type { StackTrainer } from '../trainer.ts';
import {
  evaluationGraph,
  maskKey,
  parameterKey,
  parameterShape,
  type StackShape,
} from '../training-graph.ts';
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
const MAX_ANSWERS = 2 ** 24;

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
  const { lanes, layers, classes } = shape;
  const key = JSON.stringify(shape);
  const tensors = headParameters(layers).map((spec) => ({ spec, size: parameterShape(spec, shape) }));
  const length = tensors.reduce((sum, { spec }) => sum + elementCount(spec.shape), 0);
  const dropouts = layers.filter((layer) => layer.kind === 'dropout');
  const maxRows = Math.min(config.batchSize, data.rows.train);
  const masks = layOut(arena, (allocate) =>
    dropouts.map((layer) => ({ layer, array: allocate(maxRows * layer.units) })),
  );

  /** Parameters, optimiser state and the sum of losses, by the names of the step graph. */
  const deviceArrays = new Map<string, DeviceArray>();
  const hold = (name: string, array: DeviceArray) => {
    deviceArrays.get(name)?.free();
    deviceArrays.set(name, array);
  };
  const resetLosses = () => hold(LOSSES, engine.upload(new Float32Array(lanes), [lanes]));
  let kind: StepKind | undefined;

  /** Reads one of the tensors' arrays, and cuts out what belongs to each of `chosen`. */
  const gather = async (keyOf: (name: string) => string, chosen: readonly number[]) => {
    const values = chosen.map(() => new Float32Array(length));
    let start = 0;
    for (const { spec } of tensors) {
      const end = start + elementCount(spec.shape);
      const all = await deviceArrays.get(keyOf(spec.name))!.read();
      for (const [index, lane] of chosen.entries())
        readLane(all, values[index].subarray(start, end), spec, lane);
      start = end;
    }
    return values;
  };

  /** Fills an array of every tensor with the numbers of each lane, and moves it to the device. */
  const scatter = (keyOf: (name: string) => string, lanesOf: readonly Float32Array[]) => {
    let start = 0;
    for (const { spec, size } of tensors) {
      const end = start + elementCount(spec.shape);
      const all = new Float32Array(elementCount(size));
      for (const [lane, values] of lanesOf.entries()) writeLane(all, values.subarray(start, end), spec, lane);
      hold(keyOf(spec.name), engine.upload(all, size));
      start = end;
    }
  };

  return {
    lanes,
    load(states) {
      scatter(
        parameterKey,
        states.map(({ parameters }) => parameters),
      );
      for (const index of STATES)
        scatter(
          (name) => stateKey(name, index),
          states.map(({ optimizer }) => optimizer[index]),
        );
      resetLosses();
    },
    async step(rows, settings, maskSeed) {
      // Steps are only queued here: between two, messages get their turn.
      await setImmediate();
      const batch = rows.length;
      const { targets, weights } = device.targets(config, batch);
      const fed: Record<string, DeviceArray> = {
        features: engine.gather(device.features(config.normalize, 'train'), rows),
        targets: engine.gather(targets, rows),
        weights: engine.gather(weights, rows),
        [HYPER]: engine.upload(hyperparameterRows(settings, lanes), [2 * HYPERPARAMETERS, lanes]),
      };
      for (const [index, { layer, array }] of masks.entries()) {
        drawMask(arena, layer.rate, array, maskSeed, index);
        const mask = array.view.slice(0, batch * layer.units);
        fed[maskKey(layer.name)] = engine.upload(mask, maskShape(layers, layer, batch));
      }
      kind ??= stepKind(settings);
      const program = device.program(`step ${batch} ${key} ${JSON.stringify(kind)}`, () =>
        stepGraph(shape, batch, kind as StepKind),
      );
      const replaced = program.run({ ...Object.fromEntries(deviceArrays), ...fed });
      for (const array of Object.values(fed)) array.free();
      for (const [name, array] of Object.entries(replaced)) hold(name, array);
    },
    async takeLosses() {
      const losses = Float64Array.from(await deviceArrays.get(LOSSES)!.read());
      resetLosses();
      return losses;
    },
    async validate() {
      const program = device.program(`validation ${key}`, () => evaluationGraph(shape));
      const width = lanes * classes;
      const probabilities = new Float32Array(data.rows.val * width);
      const chunk = Math.max(1, Math.floor(MAX_ANSWERS / width));
      for (let start = 0; start < data.rows.val; start += chunk) {
        const count = Math.min(chunk, data.rows.val - start);
        const rows = Int32Array.from({ length: count }, (_, index) => start + index);
        const features = engine.gather(device.features(config.normalize, 'val'), rows);
        const computed = program.run({ ...Object.fromEntries(deviceArrays), features });
        probabilities.set(await computed.probabilities.read(), start * width);
        features.free();
        computed.probabilities.free();
      }
      return probabilities;
    },
    parameters: (chosen) => gather(parameterKey, chosen),
    async save(chosen) {
      const [parameters, first, second] = [
        await gather(parameterKey, chosen),
        await gather((name) => stateKey(name, 0), chosen),
        await gather((name) => stateKey(name, 1), chosen),
      ];
      return chosen.map((_, index) => ({
        parameters: parameters[index],
        optimizer: [first[index], second[index]],
      }));
    },
    release() {
      for (const array of deviceArrays.values()) array.free();
      deviceArrays.clear();
    },
  };
}
