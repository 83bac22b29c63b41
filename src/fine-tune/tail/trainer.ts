/** One tail and its head in memory that the engine and the optimiser's kernels share: steps, predictions, and all of its state. */
import type { HeadConfig } from '../../shared/head/config.ts';
import { type HeadLayer, headLayers } from '../../shared/head/layers.ts';
import { type Head, headInputs } from '../../shared/head/record.ts';
import type { ActivationReader } from '../../shared/store/activations/reader.ts';
import { type Allocate, type Arena, type ArenaArray, layOut } from '../../shared/training/arena.ts';
import type { BatchBuffers } from '../../shared/training/batches.ts';
import { drawMask } from '../../shared/training/dropout.ts';
import type { StepSettings } from '../../shared/training/optimizers.ts';
import { gradientOf, maskOf } from '../../shared/training/tail-step.ts';
import { type BatchArrays, batchArrays, batchKinds } from './batches.ts';
import { headColumns, type TailNetwork } from './network.ts';
import type { TailGraphs, TailPrograms } from './programs.ts';
import { type StepRates, stepTensors } from './steps.ts';
import { type TensorLayout, tensorIn, tensorLayout, writeStart } from './tensors.ts';

/** Rows that are predicted at once. */
const PREDICTION_ROWS = 32;

/** All that training changes, block by block. */
export const BLOCKS = ['parameters', 'first', 'second'] as const;
export type TailBlocks = Record<(typeof BLOCKS)[number], Float32Array>;

export interface TailTrainer {
  readonly layout: TensorLayout;
  /** Views of the state itself: what is written there is trained on. */
  readonly blocks: TailBlocks;
  readonly batches: BatchArrays;
  /** Where targets and weights of a batch go. */
  targets(rows: number): Pick<BatchBuffers, 'targets' | 'weights'>;
  /**
   * One step on the batch that was read; where its loss is not finite, nothing changes.
   * @param maskSeed names this step's dropout masks
   * @returns the loss before the step
   */
  step(rows: number, settings: StepSettings, rates: StepRates, maskSeed: number): Promise<number>;
  /** Probabilities [rows, classes] for rows of the activations. */
  predict(reader: ActivationReader, rows: Int32Array): Promise<Float32Array>;
}

export interface TrainerOptions {
  arena: Arena;
  programs: TailPrograms;
  network: TailNetwork;
  start: Head;
  config: HeadConfig;
  /** Names of the tail's weights that are trained. */
  trained: readonly string[];
  activations: Pick<ActivationReader, 'shape'>;
  /** The largest batch. */
  batchSize: number;
}

/** Lays a tail out in the arena (whatever was there is lost), with the numbers that it starts from and no optimiser state. */
export async function createTailTrainer(options: TrainerOptions): Promise<TailTrainer> {
  const { arena, programs, network, start, config, trained } = options;
  const classes = start.record.classes.length;
  const layers = headLayers(config, headInputs(start.record), classes);
  const layout = tensorLayout(network, new Set(trained), layers);
  const arrays = layOut(arena, (allocate) => trainerArrays(allocate, options, layout, layers, classes));
  const { blocks, gradients, loss, masks, probabilities } = arrays;
  writeStart(blocks.parameters.view, layout, start);
  const compiled = await programs.of(graphs(options, layout, layers));
  const batches = batchArrays(arrays.kinds);
  const parameters = Object.fromEntries(
    layout.tensors.map((tensor) => [tensor.key, tensorIn(blocks.parameters.view, tensor)]),
  );
  const statistics = Object.fromEntries(arrays.statistics.map(({ output, array }) => [output, array.view]));
  const results = {
    loss: loss.view,
    ...statistics,
    ...Object.fromEntries(
      layout.tensors
        .filter(({ isTrained }) => isTrained)
        .map((tensor) => [gradientOf(tensor.key), tensorIn(gradients.view, tensor)]),
    ),
  };
  const perSize = sizedViews(arrays, classes);
  return {
    layout,
    blocks: {
      parameters: blocks.parameters.view,
      first: blocks.first.view,
      second: blocks.second.view,
    },
    batches,
    targets: perSize,
    async step(rows, settings, rates, maskSeed) {
      for (const [index, { layer, array }] of masks.entries())
        drawMask(arena, layer.rate, array, maskSeed, index);
      const program = await compiled.step(rows);
      await program.run({ ...parameters, ...batches.feeds(rows), ...perSize(rows) }, results);
      const [value] = loss.view;
      if (Number.isFinite(value))
        stepTensors(arena, { layout, blocks, gradients, statistics }, settings, rates);
      return value;
    },
    async predict(reader, rows) {
      const predicted = new Float32Array(rows.length * classes);
      const program = await compiled.predict(PREDICTION_ROWS);
      const block = (begin: number) => rows.subarray(begin, begin + PREDICTION_ROWS);
      for (let begin = 0; begin < rows.length; begin += PREDICTION_ROWS) {
        const own = block(begin);
        const next = block(begin + PREDICTION_ROWS);
        await batches.read(reader, own, PREDICTION_ROWS, next.length > 0 ? next : undefined);
        const into = { probabilities: probabilities.view };
        await program.run({ ...parameters, ...batches.feeds(PREDICTION_ROWS) }, into);
        predicted.set(into.probabilities.subarray(0, own.length * classes), begin * classes);
      }
      return predicted;
    },
  };
}

function graphs(
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

function trainerArrays(
  allocate: Allocate,
  { network, start, activations, batchSize }: TrainerOptions,
  { tensors, length }: TensorLayout,
  layers: readonly HeadLayer[],
  classes: number,
) {
  const front = new Set(network.frontColumns.map(({ name }) => name));
  const columns = headColumns(network, start).filter(({ name }) => front.has(name));
  return {
    blocks: { parameters: allocate(length), first: allocate(length), second: allocate(length) },
    gradients: allocate(length),
    statistics: tensors.flatMap(({ statistic, length: own }) =>
      statistic ? [{ output: statistic.output, array: allocate(own) }] : [],
    ),
    kinds: batchKinds(allocate, activations, columns, Math.max(batchSize, PREDICTION_ROWS)),
    targets: allocate(batchSize * classes),
    weights: allocate(batchSize * classes),
    masks: layers
      .filter((layer) => layer.kind === 'dropout')
      .map((layer) => ({ layer, array: allocate(batchSize * layer.units) })),
    loss: allocate(1),
    probabilities: allocate(PREDICTION_ROWS * classes),
  };
}

type TrainerArrays = ReturnType<typeof trainerArrays>;

/** Targets, weights and masks for batches of some size: the same arrays every time, which lets the engine reuse its tensors. */
function sizedViews({ targets, weights, masks }: TrainerArrays, classes: number) {
  const prepared = new Map<number, BatchBuffersOf>();
  const part = ({ view }: ArenaArray, length: number) => view.subarray(0, length);
  const create = (rows: number): BatchBuffersOf => ({
    targets: part(targets, rows * classes),
    weights: part(weights, rows * classes),
    ...Object.fromEntries(
      masks.map(({ layer, array }) => [maskOf(layer.name), part(array, rows * layer.units)]),
    ),
  });
  return (rows: number): BatchBuffersOf => {
    const views = prepared.get(rows) ?? create(rows);
    prepared.set(rows, views);
    return views;
  };
}

type BatchBuffersOf = Pick<BatchBuffers, 'targets' | 'weights'> & Record<string, Float32Array>;
