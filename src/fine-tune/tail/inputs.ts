/** What steps and predictions are fed, in memory that an engine can read in place. */
import { ACTIVATION } from '../../shared/backbones/cut/split.ts';
import type { Shape } from '../../shared/graph/value.ts';
import { maskShape } from '../../shared/head/forward.ts';
import type { HeadLayer } from '../../shared/head/layers.ts';
import type { ActivationReader } from '../../shared/store/activations/reader.ts';
import { activationLength } from '../../shared/store/activations/request.ts';
import type { Allocate, Arena, ArenaArray } from '../../shared/training/arena.ts';
import type { BatchBuffers } from '../../shared/training/batches.ts';
import { drawMask } from '../../shared/training/dropout.ts';
import { columnKey, maskOf, type TailColumn } from '../../shared/training/tail-step.ts';

/** Some rows of the activations that are trained on together. */
export interface TailBatch {
  /** Rows of the activations. */
  rows: Int32Array;
  /** The rows of the batch behind it, which the reader begins with at once. */
  next?: Int32Array;
  /** Writes the rows' targets and weights. */
  fill(buffers: Pick<BatchBuffers, 'targets' | 'weights'>): void;
}

/** By the names of a graph's inputs: the same arrays for the same number of rows, which lets engines reuse their tensors. */
export type InputFeeds = Readonly<Record<string, Float32Array>>;

export interface TailInputs {
  /**
   * Reads a batch and draws its dropout masks.
   * @param size rows of the graph; those behind the batch's own get weights of zero
   */
  step(batch: TailBatch, size: number, maskSeed: number): Promise<InputFeeds>;
  /** Reads rows to predict, at most `size`; what is fed behind them means nothing. */
  prediction(rows: Int32Array, size: number, next: Int32Array | undefined): Promise<InputFeeds>;
}

/** An input of a graph. */
interface InputArray {
  key: string;
  /** What it is a column of the activations' rows, where it is. */
  column?: string;
  /** Numbers of a row. */
  length: number;
  array: ArenaArray;
}

interface InputArrays {
  /** Of activations and columns. */
  read: InputArray[];
  targets: InputArray;
  weights: InputArray;
  masks: (InputArray & { rate: number })[];
}

export interface InputSizes {
  activations: Pick<ActivationReader, 'shape'>;
  /** Columns that are computed before the cut. */
  columns: readonly TailColumn[];
  layers: readonly HeadLayer[];
  classes: number;
  /** Rows of a step, and of a prediction. */
  batchSize: number;
  predictionRows: number;
}

/** @param allocate see {@link layOut} */
export function inputArrays(
  allocate: Allocate,
  { activations, columns, layers, classes, batchSize, predictionRows }: InputSizes,
): InputArrays {
  const maxRows = Math.max(batchSize, predictionRows);
  const input = (key: string, length: number, rows: number): InputArray => ({
    key,
    length,
    array: allocate(rows * length),
  });
  return {
    read: [
      input(ACTIVATION, activationLength(activations), maxRows),
      ...columns.map(({ name, dimension }) => ({
        ...input(columnKey(name), dimension, maxRows),
        column: name,
      })),
    ],
    targets: input('targets', classes, batchSize),
    weights: input('weights', classes, batchSize),
    masks: layers
      .filter((layer) => layer.kind === 'dropout')
      .map(({ name, units, rate }) => ({ ...input(maskOf(name), units, batchSize), rate })),
  };
}

/** The shapes of inputs for so many rows, by their names. */
export function inputShapes(
  { activations, columns, layers, classes }: InputSizes,
  rows: number,
): Map<string, Shape> {
  const dropouts = layers.filter((layer) => layer.kind === 'dropout');
  return new Map<string, Shape>([
    [ACTIVATION, [rows, ...activations.shape]],
    ...columns.map(({ name, dimension }) => [columnKey(name), [rows, dimension]] as const),
    ['targets', [rows, classes]],
    ['weights', [rows, classes]],
    ...dropouts.map((layer) => [maskOf(layer.name), maskShape(layers, layer, rows)] as const),
  ]);
}

export function tailInputs(arena: Arena, arrays: InputArrays, reader: ActivationReader): TailInputs {
  const { read, targets, weights, masks } = arrays;
  const ofPrediction = sizedViews(read);
  const ofStep = sizedViews([...read, targets, weights, ...masks]);
  const readRows = async (feeds: InputFeeds, rows: Int32Array, next: Int32Array | undefined) => {
    for (const { key, column, length } of read) {
      const into = feeds[key].subarray(0, rows.length * length);
      if (column === undefined) await reader.read(rows, into, next);
      else await reader.column(column, rows, into);
    }
  };
  return {
    async step({ rows, next, fill }, size, maskSeed) {
      const feeds = ofStep(size);
      await readRows(feeds, rows, next);
      const part = ({ key, length }: InputArray) => feeds[key].subarray(0, rows.length * length);
      fill({ targets: part(targets), weights: part(weights) });
      feeds[weights.key].fill(0, rows.length * weights.length);
      for (const [index, { rate, array }] of masks.entries()) drawMask(arena, rate, array, maskSeed, index);
      return feeds;
    },
    async prediction(rows, size, next) {
      const feeds = ofPrediction(size);
      await readRows(feeds, rows, next);
      return feeds;
    },
  };
}

/** Views of the first rows of arrays. */
function sizedViews(arrays: readonly InputArray[]): (rows: number) => InputFeeds {
  const prepared = new Map<number, InputFeeds>();
  return (rows) => {
    const views =
      prepared.get(rows) ??
      Object.fromEntries(
        arrays.map(({ key, length, array }) => [key, array.view.subarray(0, rows * length)]),
      );
    prepared.set(rows, views);
    return views;
  };
}
