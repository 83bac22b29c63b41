/** Heads that train side by side: their parameters and optimiser state, one training step, and prediction. */
import type { Program, Results } from '../../shared/engines/engine.ts';
import { elementCount } from '../../shared/graph/value.ts';
import { MOVING_MOMENTUM } from '../../shared/head/forward.ts';
import { type Arena, type ArenaArray, layOut } from '../../shared/training/arena.ts';
import type { BatchBuffers } from '../../shared/training/batches.ts';
import { drawMask } from '../../shared/training/dropout.ts';
import { isKernel, readLane, writeLane } from '../../shared/training/lanes.ts';
import { applyStep, type StepSettings, type TrainingState } from '../../shared/training/optimizers.ts';
import type { Programs } from './programs.ts';
import { PREDICTION_ROWS, type StackArrays, type StackTensor, stackArrays } from './stack-arrays.ts';
import {
  errorKey,
  gradientKey,
  maskKey,
  meanKey,
  parameterKey,
  type StackShape,
  varianceKey,
} from './training-graph.ts';

export interface Stack {
  readonly lanes: number;
  /** The arrays to fill with a batch of `rows` (at most the stack's batch size). */
  batch(rows: number): BatchBuffers;
  /**
   * One optimiser step on the batch in the buffers.
   * @param settings one per lane; all lanes use one optimiser
   * @param maskSeed names this step's dropout masks
   * @returns the loss of each lane before the step, in an array that the next step overwrites
   */
  step(rows: number, settings: readonly StepSettings[], maskSeed: number): Promise<Float32Array>;
  /** Probabilities [rows, lanes, classes] for features [rows, inputs]. */
  predict(features: Float32Array, rows: number): Promise<Float32Array>;
  load(lane: number, state: TrainingState): void;
  save(lane: number): TrainingState;
  setParameters(lane: number, parameters: Float32Array): void;
  /** A copy of a lane's parameters, in the order of headParameters. */
  parameters(lane: number): Float32Array;
}

/** Lays a stack out in the arena (whatever was there is lost) and compiles its programs on first use. */
export function createStack(arena: Arena, programs: Programs, shape: StackShape, batchSize: number): Stack {
  const arrays = layOut(arena, (allocate) => stackArrays(arena, allocate, shape, batchSize));
  const { tensors, masks, loss } = arrays;
  const parameterFeeds = Object.fromEntries(
    tensors.map(({ spec, parameter }) => [parameterKey(spec.name), parameter.view]),
  );
  const prepared = batchRuns(programs, shape, arrays, parameterFeeds);
  const { scatter, gather } = laneNumbers(tensors);
  const setParameters = (lane: number, values: Float32Array) =>
    scatter(({ parameter }) => parameter, values, lane);
  const parameters = (lane: number) => gather(({ parameter }) => parameter, lane);
  return {
    lanes: shape.lanes,
    batch: (rows) => prepared(rows).batch,
    async step(rows, settings, maskSeed) {
      const { feeds, program, results } = prepared(rows);
      for (const [index, { layer, array }] of masks.entries())
        drawMask(arena, layer.rate, array, maskSeed, index);
      await (await program).run(feeds, results);
      stepTensors(arena, arrays, settings, rows);
      moveStatistics(arrays);
      return loss.view;
    },
    predict: async (features, rows) =>
      predictBlocks(await programs.evaluation(shape), shape, arrays, parameterFeeds, features, rows),
    setParameters,
    parameters,
    load(lane, state) {
      setParameters(lane, state.parameters);
      for (const [index, values] of state.optimizer.entries())
        scatter(({ state }) => state[index], values, lane);
    },
    save: (lane) => ({
      parameters: parameters(lane),
      optimizer: [gather(({ state }) => state[0], lane), gather(({ state }) => state[1], lane)],
    }),
  };
}

/** All that a training step on batches of one size runs with. */
interface BatchRun {
  batch: BatchBuffers;
  feeds: Record<string, Float32Array>;
  program: Promise<Program>;
  results: Results;
}

/** The views of a batch of some size are the same objects every time, which lets the engine reuse its tensors. */
function batchRuns(
  programs: Programs,
  shape: StackShape,
  arrays: StackArrays,
  parameterFeeds: Record<string, Float32Array>,
): (rows: number) => BatchRun {
  const { inputs, classes } = shape;
  const { features, targets, weights } = arrays.batch;
  const runs = new Map<number, BatchRun>();
  const create = (rows: number): BatchRun => {
    const batch = {
      features: features.view.subarray(0, rows * inputs),
      targets: targets.view.subarray(0, rows * classes),
      weights: weights.view.subarray(0, rows * classes),
    };
    const masks = arrays.masks.map(({ layer, array }) => [
      maskKey(layer.name),
      array.view.subarray(0, rows * layer.units),
    ]);
    return {
      batch,
      feeds: { ...batch, ...parameterFeeds, ...Object.fromEntries(masks) },
      program: programs.training(shape, rows),
      results: stepResults(arrays, rows),
    };
  };
  return (rows) => {
    const run = runs.get(rows) ?? create(rows);
    runs.set(rows, run);
    return run;
  };
}

/** Where the training graph's outputs go for a batch of so many rows. */
function stepResults({ tensors, factored, loss, statistics }: StackArrays, rows: number): Results {
  const gradients = tensors
    .filter(({ spec }) => spec.trainable)
    .map(({ spec: { name }, gradient, isFactored }) =>
      isFactored && factored ? [errorKey(name), factored.errorsOf(rows)] : [gradientKey(name), gradient.view],
    );
  const means = Array.from(statistics, ([key, { view }]) => [key, view]);
  return { loss: loss.view, ...Object.fromEntries([...gradients, ...means]) };
}

/** Steps every lane's part of every trainable tensor by the gradient of the batch that was run. */
function stepTensors(
  arena: Arena,
  { tensors, factored, batch }: StackArrays,
  settings: readonly StepSettings[],
  rows: number,
): void {
  factored?.take(batch.features, rows);
  for (const tensor of tensors) {
    const { spec, shape, isFactored } = tensor;
    if (!spec.trainable) continue;
    for (const [lane, setting] of settings.entries()) {
      if (isFactored) factored?.step(setting, tensor, { lane, rows });
      else applyStep(arena, setting, tensor, { shape, lane, isKernel: isKernel(spec.name) });
    }
  }
}

/** Moves the statistics that batch-norms predict with towards those of the batch. */
function moveStatistics({ tensors, statistics }: StackArrays): void {
  for (const { spec, parameter } of tensors) {
    const batch = spec.trainable ? undefined : statistics.get(statisticsKey(spec.name))?.view;
    if (!batch) continue;
    const kept = parameter.view;
    for (let i = 0; i < kept.length; i++)
      kept[i] = kept[i] * MOVING_MOMENTUM + batch[i] * (1 - MOVING_MOMENTUM);
  }
}

/** Probabilities [rows, lanes, classes]. */
async function predictBlocks(
  program: Program,
  { inputs, lanes, classes }: StackShape,
  { prediction }: StackArrays,
  parameterFeeds: Record<string, Float32Array>,
  features: Float32Array,
  rows: number,
): Promise<Float32Array> {
  const width = lanes * classes;
  const probabilities = new Float32Array(rows * width);
  for (let start = 0; start < rows; start += PREDICTION_ROWS) {
    const count = Math.min(PREDICTION_ROWS, rows - start);
    const block = prediction.features.view.subarray(0, count * inputs);
    block.set(features.subarray(start * inputs, (start + count) * inputs));
    const into = { probabilities: prediction.probabilities.view.subarray(0, count * width) };
    await program.run({ features: block, ...parameterFeeds }, into);
    probabilities.set(into.probabilities, start * width);
  }
  return probabilities;
}

/** Copies one lane's numbers, in the order of headParameters, into an array of each tensor and back. */
function laneNumbers(tensors: readonly StackTensor[]) {
  type ArrayOf = (tensor: StackTensor) => ArenaArray;
  let length = 0;
  const ranges = tensors.map((tensor) => {
    const start = length;
    length += elementCount(tensor.spec.shape);
    return { tensor, start, end: length };
  });
  return {
    scatter(arrayOf: ArrayOf, values: Float32Array, lane: number): void {
      for (const { tensor, start, end } of ranges)
        writeLane(arrayOf(tensor).view, values.subarray(start, end), tensor.spec, lane);
    },
    gather(arrayOf: ArrayOf, lane: number): Float32Array {
      const values = new Float32Array(length);
      for (const { tensor, start, end } of ranges)
        readLane(arrayOf(tensor).view, values.subarray(start, end), tensor.spec, lane);
      return values;
    },
  };
}

/** `bn_0/moving_mean` is fed by the batch means of bn_0, `bn_0/moving_variance` by its variances. */
export function statisticsKey(parameterName: string): string {
  const [layer, kind] = parameterName.split('/');
  return kind === 'moving_mean' ? meanKey(layer) : varianceKey(layer);
}
