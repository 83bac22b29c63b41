/** Batches of training rows: features gathered, targets smoothed, rows weighted. */

import { featuresOf, type LabelledRows, type TrainingData } from '../dataset/data.ts';
import { blockRows, readRows } from '../dataset/rows.ts';
import type { HeadConfig, Task } from '../head/config.ts';
import { random, shuffle } from '../random.ts';

/** Where a batch is written before a step. */
export interface BatchBuffers {
  /** [rows, inputs] */
  features: Float32Array;
  /** [rows, classes] */
  targets: Float32Array;
  /** [rows, classes]; carries 1 / rows. */
  weights: Float32Array;
}

/** The settings that decide what a batch holds. */
type BatchSettings = Pick<HeadConfig, 'normalize' | 'output' | 'labelSmoothing' | 'classWeight'>;

/**
 * The training rows in the order of an epoch; it depends on the seed, the epoch and the size of blocks alone. Blocks come
 * in any order, but for the last, which may be shorter; the rows of each are shuffled.
 * @param size rows of a block; default: all are one
 */
export function epochOrder(rows: number, seed: number, epoch: number, size: number = rows): Int32Array {
  const stream = random(seed, 'batches', epoch);
  const starts = Array.from({ length: Math.ceil(rows / size) - 1 }, (_, block) => block * size);
  const last = starts.length * size;
  const order = new Int32Array(rows);
  let next = 0;
  for (const start of [...shuffle(starts, random(seed, 'blocks', epoch)), last]) {
    const block = Int32Array.from({ length: Math.min(size, rows - start) }, (_, row) => start + row);
    order.set(shuffle(block, stream), next);
    next += block.length;
  }
  return order;
}

/** Rows of the blocks in which a head sees the training rows; all of them where they are in memory. */
export function trainingBlock(
  data: TrainingData,
  { normalize, batchSize }: Pick<HeadConfig, 'normalize' | 'batchSize'>,
): number {
  return blockRows(featuresOf(data, normalize), data.rows.train, batchSize);
}

/**
 * Returns a function that writes the given training rows into a batch's buffers.
 * @param size rows of a block; those of a batch lie in one
 */
export function batchFiller(
  data: TrainingData,
  settings: BatchSettings,
  size: number = data.rows.train,
): (rows: Int32Array, batch: BatchBuffers) => void {
  const { inputs } = data;
  const features = featuresOf(data, settings.normalize);
  const fillTargets = targetFiller(data, settings);
  return (rows, batch) => {
    const start = Math.floor(rows[0] / size) * size;
    const { first, values } = readRows(features, inputs, start, Math.min(start + size, data.rows.train));
    for (let i = 0; i < rows.length; i++) {
      const from = (rows[i] - first) * inputs;
      batch.features.set(values.subarray(from, from + inputs), i * inputs);
    }
    fillTargets(rows, batch);
  };
}

/** Returns a function that writes the targets and weights of the given training rows. */
export function targetFiller(
  data: LabelledRows,
  settings: BatchSettings,
): (rows: Int32Array, batch: Pick<BatchBuffers, 'targets' | 'weights'>) => void {
  const { classes, targets, weights: sampleWeights } = data;
  const smoothing = settings.labelSmoothing;
  // Keras spreads the smoothed share over all classes for softmax, over yes and no for sigmoid.
  const off = smoothing / (settings.output === 'softmax' ? classes : 2);
  const on = 1 - smoothing + off;
  // Categorical cross-entropy adds up a row's classes, binary cross-entropy averages them.
  const perElement = settings.output === 'softmax' ? 1 : 1 / classes;
  const { weights, byRow } = classWeights(data, settings);

  return (rows, batch) => {
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i];
      // As in Keras, the batch's sum is divided by its rows, whatever they weigh.
      const base = (perElement / rows.length) * (sampleWeights ? sampleWeights[row] : 1);
      const rowWeight = byRow ? weights.present[targets.indexOf(1, row * classes) - row * classes] : 1;
      for (let c = 0; c < classes; c++) {
        const isOn = targets[row * classes + c] === 1;
        batch.targets[i * classes + c] = isOn ? on : off;
        const weight = byRow ? rowWeight : isOn ? weights.present[c] : weights.absent[c];
        batch.weights[i * classes + c] = weight * base;
      }
    }
  };
}

/**
 * Balanced weights. Multiclass: a row weighs rows / (classes * rows of its class), as scikit-learn's
 * `class_weight="balanced"` and Keras's `class_weight` apply it. Multi-label: every label's yes and no predictions
 * weigh half of that label's total each.
 */
function classWeights(
  { task, rows, classes, targets }: LabelledRows,
  { classWeight }: BatchSettings,
): { weights: { present: Float64Array; absent: Float64Array }; byRow: boolean } {
  const present = new Float64Array(classes).fill(1);
  const absent = new Float64Array(classes).fill(1);
  if (classWeight === 'none') return { weights: { present, absent }, byRow: false };
  const counts = new Float64Array(classes);
  for (let i = 0; i < rows.train * classes; i++) counts[i % classes] += targets[i];
  for (const [c, count] of counts.entries()) {
    present[c] = balanced(rows.train, count, task, classes);
    absent[c] = balanced(rows.train, rows.train - count, task, classes);
  }
  return { weights: { present, absent }, byRow: task === 'multiclass' };
}

/** A kind of prediction that never occurs needs no weight; 1 keeps the arithmetic finite. */
function balanced(rows: number, count: number, task: Task, classes: number): number {
  return count === 0 ? 1 : rows / ((task === 'multiclass' ? classes : 2) * count);
}
