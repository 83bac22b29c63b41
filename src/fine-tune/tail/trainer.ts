/** One tail and its head: steps on batches of activations, predictions, and all of their state. */
import type { Engine } from '../../shared/engines/engine.ts';
import type { HeadConfig } from '../../shared/head/config.ts';
import { headInputs } from '../../shared/head/head-tensors.ts';
import { type HeadLayer, headLayers } from '../../shared/head/layers.ts';
import type { Head } from '../../shared/head/record.ts';
import type { ActivationReader } from '../../shared/store/activations/reader.ts';
import { type Arena, layOut } from '../../shared/training/arena.ts';
import { initialState, type StepSettings, steppingOptimizer } from '../../shared/training/optimizers.ts';
import { deviceState } from './device/device-state.ts';
import { hostArrays, hostState } from './host-state.ts';
import { type InputSizes, inputArrays, type TailBatch, tailInputs } from './inputs.ts';
import { headColumns, type TailNetwork } from './network.ts';
import type { TailGraphs, TailPrograms } from './programs.ts';
import type { StepRates, TailBlocks, TailState } from './state.ts';
import { type TensorLayout, tensorLayout, writeStart } from './tensors.ts';

/** Rows that are predicted at once. */
const PREDICTION_ROWS = 32;

export interface TailTrainer extends Pick<TailState, 'load' | 'save' | 'release'> {
  readonly layout: TensorLayout;
  /**
   * One step.
   * @param maskSeed names this step's dropout masks
   * @returns the loss before it; where that is not finite, what it leaves is not worth having
   */
  step(batch: TailBatch, settings: StepSettings, rates: StepRates, maskSeed: number): Promise<number>;
  /**
   * Probabilities [rows, classes] for rows of the activations.
   * @param shouldStop asked in between; when true, there are none
   */
  predict(rows: Int32Array, shouldStop: () => boolean): Promise<Float32Array | undefined>;
}

export interface TrainerOptions {
  arena: Arena;
  engine: Engine;
  /** Whether the tail is kept on the engine's device. */
  usesDevice: boolean;
  programs: TailPrograms;
  network: TailNetwork;
  start: Head;
  config: HeadConfig;
  /** Names of the tail's weights that are trained. */
  trained: readonly string[];
  reader: ActivationReader;
  /** The largest batch. */
  batchSize: number;
}

/** Lays a tail out in the arena (whatever was there is lost), with the numbers that it starts from and no optimiser state. */
export async function createTailTrainer(options: TrainerOptions): Promise<TailTrainer> {
  const { arena, programs, network, start, config, trained, reader, batchSize, usesDevice } = options;
  const classes = start.record.classes.length;
  const layers = headLayers(config, headInputs(start.record), classes);
  const layout = tensorLayout(network, new Set(trained), layers);
  const sizes = inputSizes(options, layers);
  const arrays = layOut(arena, (allocate) => ({
    inputs: inputArrays(allocate, sizes),
    host: usesDevice ? undefined : hostArrays(allocate, layout, PREDICTION_ROWS * classes),
  }));
  const graphs = tailGraphs(options, layout, layers);
  await programs.use(graphs);
  const computing = { ...options, graphs };
  const inputs = tailInputs(arena, arrays.inputs, reader);
  const state = arrays.host
    ? hostState(arena, computing, layout, arrays.host)
    : deviceState(computing, layout, sizes);
  state.load(startBlocks(layout, start, config));
  // Where no row of a batch matters to another, the last batch of an epoch is filled up: it needs no graph of its own.
  const isFilledUp = layout.tensors.every(({ statistic }) => !statistic);
  return {
    layout,
    load: state.load,
    save: state.save,
    release: state.release,
    async step(batch, settings, rates, maskSeed) {
      const size = isFilledUp ? batchSize : batch.rows.length;
      return state.step(await inputs.step(batch, size, maskSeed), size, settings, rates);
    },
    async predict(rows, shouldStop) {
      const predicted = new Float32Array(rows.length * classes);
      const block = (first: number) => rows.subarray(first, first + PREDICTION_ROWS);
      for (let first = 0; first < rows.length; first += PREDICTION_ROWS) {
        if (shouldStop()) return undefined;
        const own = block(first);
        const next = block(first + PREDICTION_ROWS);
        const feeds = await inputs.prediction(own, PREDICTION_ROWS, next.length > 0 ? next : undefined);
        const probabilities = await state.predict(feeds, PREDICTION_ROWS);
        predicted.set(probabilities.subarray(0, own.length * classes), first * classes);
      }
      return predicted;
    },
  };
}

/** The numbers that training begins with, and the optimiser's state before its first step. */
function startBlocks(layout: TensorLayout, start: Head, { optimizer }: HeadConfig): TailBlocks {
  const parameters = new Float32Array(layout.length);
  writeStart(parameters, layout, start);
  const [first, second] = initialState(steppingOptimizer(optimizer)).map((value) =>
    new Float32Array(layout.length).fill(value),
  );
  return { parameters, first, second };
}

function inputSizes(
  { network, start, reader, batchSize }: TrainerOptions,
  layers: readonly HeadLayer[],
): InputSizes {
  const front = new Set(network.frontColumns.map(({ name }) => name));
  return {
    activations: reader,
    columns: headColumns(network, start).filter(({ name }) => front.has(name)),
    layers,
    classes: start.record.classes.length,
    batchSize,
    predictionRows: PREDICTION_ROWS,
  };
}

function tailGraphs(
  { network, start, config, trained }: TrainerOptions,
  { frozen }: TensorLayout,
  layers: readonly HeadLayer[],
): TailGraphs {
  const { normalize, output, loss } = config;
  const columns = headColumns(network, start);
  const shared = { frozen, columns, normalize, statistics: start.tensors, layers, output };
  return {
    step: { ...shared, tail: network.trainingTail, trained, loss, classes: start.record.classes.length },
    prediction: { ...shared, tail: network.tail },
  };
}
