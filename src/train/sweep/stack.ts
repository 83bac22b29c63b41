/** Heads that train side by side: their parameters and optimiser state, one training step, and prediction. */
import type { Program, Results } from '../../shared/engines/engine.ts';
import { elementCount, type Shape } from '../../shared/graph/value.ts';
import { type HeadLayer, type HeadParameter, headParameters } from '../../shared/head/layers.ts';
import { type Arena, type ArenaArray, arenaFloats } from '../../shared/training/arena.ts';
import type { BatchBuffers } from '../../shared/training/batches.ts';
import { drawMask } from '../../shared/training/dropout.ts';
import {
  applyStep,
  type OptimizedTensor,
  type StepSettings,
  type TrainingState,
} from '../../shared/training/optimizers.ts';
import { createFactored, type FactoredSizes, factoredFloats } from './factored.ts';
import { readLane, writeLane } from './lanes.ts';
import type { Programs } from './programs.ts';
import {
  errorKey,
  gradientKey,
  isKernel,
  maskKey,
  meanKey,
  parameterKey,
  parameterShape,
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

/** Rows per call when predicting: enough to keep the matrix product busy, small enough for the cache. */
export const PREDICTION_ROWS = 256;

/** Keras BatchNormalization's momentum of moving statistics. */
export const MOVING_MOMENTUM = 0.99;

interface StackTensor extends OptimizedTensor {
  spec: HeadParameter;
  /** One lane's part of it. */
  shape: Shape;
}

interface Mask {
  layer: Extract<HeadLayer, { kind: 'dropout' }>;
  array: ArenaArray;
}

/** Lays a stack out in the arena (whatever was there is lost) and compiles its programs on first use. */
export function createStack(arena: Arena, programs: Programs, shape: StackShape, batchSize: number): Stack {
  const { layers, lanes, inputs, classes } = shape;
  const specs = headParameters(layers);
  const dropouts = layers.filter((layer) => layer.kind === 'dropout');
  arena.reset(stackFloats(shape, specs, dropouts, batchSize));

  const isFactored = ({ spec }: { spec: HeadParameter }) => spec.name === shape.factored;
  const sizes = factoredSizes(shape, specs, batchSize);
  const factored = sizes && createFactored(arena, sizes);
  const tensors = specs.map((spec): StackTensor => {
    const allocate = () => arena.allocate(lanes * elementCount(spec.shape));
    return {
      spec,
      shape: parameterShape(spec, { ...shape, lanes: 1 }),
      parameter: allocate(),
      // Of a factored gradient, the errors.
      gradient: factored && isFactored({ spec }) ? factored.errors : allocate(),
      state: [allocate(), allocate()],
    };
  });
  const trainable = tensors.filter(({ spec }) => spec.trainable);
  const parameterFeeds = Object.fromEntries(
    tensors.map(({ spec, parameter }) => [parameterKey(spec.name), parameter.view]),
  );
  const masks = dropouts.map((layer): Mask => ({ layer, array: arena.allocate(batchSize * layer.units) }));
  const features = arena.allocate(batchSize * inputs);
  const buffers = {
    features: features.view,
    targets: arena.allocate(batchSize * classes).view,
    weights: arena.allocate(batchSize * classes).view,
  };
  const loss = arena.allocate(lanes).view;
  const results: Results = { loss };
  for (const tensor of trainable)
    if (!isFactored(tensor)) results[gradientKey(tensor.spec.name)] = tensor.gradient.view;
  for (const layer of layers) {
    if (layer.kind !== 'bn') continue;
    results[meanKey(layer.name)] = arena.allocate(lanes * layer.units).view;
    results[varianceKey(layer.name)] = arena.allocate(lanes * layer.units).view;
  }
  const moving = tensors
    .filter(({ spec }) => !spec.trainable)
    .map(({ spec, parameter }) => ({ kept: parameter.view, batch: results[statisticsKey(spec.name)] }));

  const predictionFeatures = arena.allocate(PREDICTION_ROWS * inputs).view;
  const predictionResult = arena.allocate(PREDICTION_ROWS * lanes * classes).view;

  /** The views of a batch of some size are the same objects every time, which lets the engine reuse its tensors. */
  const bySize = new Map<
    number,
    { batch: BatchBuffers; feeds: Record<string, Float32Array>; program: Promise<Program>; results: Results }
  >();
  const prepared = (rows: number) => {
    const existing = bySize.get(rows);
    if (existing) return existing;
    const batch = {
      features: buffers.features.subarray(0, rows * inputs),
      targets: buffers.targets.subarray(0, rows * classes),
      weights: buffers.weights.subarray(0, rows * classes),
    };
    const maskFeeds = masks.map(({ layer, array }) => [
      maskKey(layer.name),
      array.view.subarray(0, rows * layer.units),
    ]);
    const entry = {
      batch,
      feeds: { ...batch, ...parameterFeeds, ...Object.fromEntries(maskFeeds) },
      program: programs.training(shape, rows),
      results: {
        ...results,
        ...(shape.factored && factored && { [errorKey(shape.factored)]: factored.errorsOf(rows) }),
      },
    };
    bySize.set(rows, entry);
    return entry;
  };

  const length = specs.reduce((sum, spec) => sum + elementCount(spec.shape), 0);
  /** Calls back with each tensor and where its numbers lie among a lane's. */
  const eachTensor = (visit: (tensor: StackTensor, start: number, end: number) => void) => {
    let start = 0;
    for (const tensor of tensors) {
      const end = start + elementCount(tensor.spec.shape);
      visit(tensor, start, end);
      start = end;
    }
  };
  const scatter = (array: (tensor: StackTensor) => ArenaArray, values: Float32Array, lane: number) =>
    eachTensor((tensor, start, end) =>
      writeLane(array(tensor).view, values.subarray(start, end), tensor.spec, lane),
    );
  const gather = (array: (tensor: StackTensor) => ArenaArray, lane: number): Float32Array => {
    const values = new Float32Array(length);
    eachTensor((tensor, start, end) =>
      readLane(array(tensor).view, values.subarray(start, end), tensor.spec, lane),
    );
    return values;
  };

  return {
    lanes,
    batch: (rows) => prepared(rows).batch,
    async step(rows, settings, maskSeed) {
      const { feeds, program, results } = prepared(rows);
      for (const [index, { layer, array }] of masks.entries())
        drawMask(arena, layer.rate, array, maskSeed, index);
      await (await program).run(feeds, results);
      factored?.take(features, rows);
      for (const tensor of trainable) {
        const slice = { shape: tensor.shape, isKernel: isKernel(tensor.spec.name) };
        for (const [lane, setting] of settings.entries()) {
          if (factored && isFactored(tensor)) factored.step(setting, tensor, { lane, rows });
          else applyStep(arena, setting, tensor, { ...slice, lane });
        }
      }
      for (const { kept, batch } of moving) {
        for (let i = 0; i < kept.length; i++)
          kept[i] = kept[i] * MOVING_MOMENTUM + batch[i] * (1 - MOVING_MOMENTUM);
      }
      return loss;
    },
    async predict(features, rows) {
      const program = await programs.evaluation(shape);
      const width = lanes * classes;
      const probabilities = new Float32Array(rows * width);
      for (let start = 0; start < rows; start += PREDICTION_ROWS) {
        const count = Math.min(PREDICTION_ROWS, rows - start);
        const chunk = predictionFeatures.subarray(0, count * inputs);
        chunk.set(features.subarray(start * inputs, (start + count) * inputs));
        const into = { probabilities: predictionResult.subarray(0, count * width) };
        await program.run({ features: chunk, ...parameterFeeds }, into);
        probabilities.set(into.probabilities, start * width);
      }
      return probabilities;
    },
    load(lane, { parameters, optimizer }) {
      scatter(({ parameter }) => parameter, parameters, lane);
      for (const [index, values] of optimizer.entries()) scatter(({ state }) => state[index], values, lane);
    },
    setParameters: (lane, parameters) => scatter(({ parameter }) => parameter, parameters, lane),
    parameters: (lane) => gather(({ parameter }) => parameter, lane),
    save: (lane) => ({
      parameters: gather(({ parameter }) => parameter, lane),
      optimizer: [gather(({ state }) => state[0], lane), gather(({ state }) => state[1], lane)],
    }),
  };
}

/** `bn_0/moving_mean` is fed by the batch means of bn_0, `bn_0/moving_variance` by its variances. */
export function statisticsKey(parameterName: string): string {
  const [layer, kind] = parameterName.split('/');
  return kind === 'moving_mean' ? meanKey(layer) : varianceKey(layer);
}

/** Of the gradient that is left in its factors, if one is. */
function factoredSizes(
  { factored, lanes, inputs }: StackShape,
  specs: readonly HeadParameter[],
  batchSize: number,
): FactoredSizes | undefined {
  // As it is stored, a kernel is [inputs, units].
  const units = specs.find(({ name }) => name === factored)?.shape[1];
  return units === undefined ? undefined : { lanes, units, inputs, batchSize };
}

/** What {@link createStack} allocates, in floats. */
function stackFloats(
  shape: StackShape,
  specs: readonly HeadParameter[],
  dropouts: readonly { units: number }[],
  batchSize: number,
): number {
  const { inputs, classes, lanes, layers } = shape;
  const sum = (lengths: readonly number[]) =>
    lengths.reduce((total, length) => total + arenaFloats(length), 0);
  const sizes = factoredSizes(shape, specs, batchSize);
  const factored = sizes ? factoredFloats(sizes) : 0;
  const tensors = specs.map(
    (spec) => (spec.name === shape.factored ? 3 : 4) * arenaFloats(lanes * elementCount(spec.shape)),
  );
  const statistics = layers.flatMap((layer) =>
    layer.kind === 'bn' ? [lanes * layer.units, lanes * layer.units] : [],
  );
  const batches = [
    batchSize * inputs,
    batchSize * classes,
    batchSize * classes,
    ...dropouts.map(({ units }) => batchSize * units),
  ];
  const prediction = [PREDICTION_ROWS * inputs, PREDICTION_ROWS * lanes * classes];
  return factored + sum(tensors) + sum([...batches, ...statistics, ...prediction, lanes]);
}
