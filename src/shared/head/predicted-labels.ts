/** What a head predicts: classes from probabilities. */
import type { Task } from './config.ts';

/** A multi-label class is predicted when its probability exceeds this, unless it has a threshold of its own: as Keras's BinaryAccuracy. */
export const DEFAULT_THRESHOLD = 0.5;

/** Index of the greatest value of a row, the first of equals. */
export function argmax(values: ArrayLike<number>, row: number, width: number): number {
  const start = row * width;
  let best = 0;
  for (let index = 1; index < width; index++) {
    if (values[start + index] > values[start + best]) best = index;
  }
  return best;
}

/** Probabilities [rows, classes] of a task. */
export interface Probabilities {
  /** Row-major, each 0 to 1. */
  probabilities: Float32Array;
  rows: number;
  classes: number;
  task: Task;
  /** Multi-label: what each class's probability must exceed to be predicted; default: a half for all. */
  thresholds?: readonly number[];
}

/** rows x classes, 0 or 1: the most probable class (multiclass) or all above their thresholds (multi-label). */
export function predictedLabels({
  probabilities,
  rows,
  classes,
  task,
  thresholds,
}: Probabilities): Uint8Array {
  if (task === 'multilabel') {
    const above = (p: number, index: number) => p > (thresholds?.[index % classes] ?? DEFAULT_THRESHOLD);
    return Uint8Array.from(probabilities, (p, index) => (above(p, index) ? 1 : 0));
  }
  const isPredicted = new Uint8Array(rows * classes);
  for (let row = 0; row < rows; row++) isPredicted[row * classes + argmax(probabilities, row, classes)] = 1;
  return isPredicted;
}
