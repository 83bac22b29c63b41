/** What a head answers for each row, and how often each class is answered rightly and wrongly. */
import type { Task } from '../../shared/head/config.ts';

/** A multi-label class is answered when its probability exceeds this, as in Keras's BinaryAccuracy. */
const THRESHOLD = 0.5;

/** Probabilities and targets of one part, as every metric takes them. */
export interface Evaluation {
  /** rows x classes, row-major, each 0 to 1. */
  probabilities: Float32Array;
  /** rows x classes, row-major, 0 or 1; exactly one 1 per row for multiclass. */
  targets: Uint8Array;
  rows: number;
  classes: number;
  task: Task;
}

/** Answers of one class against the truth, in rows. */
export interface ClassCounts {
  truePositives: number;
  falsePositives: number;
  falseNegatives: number;
  trueNegatives: number;
}

/** Index of the greatest value of a row, the first of equals. */
export function argmax(values: ArrayLike<number>, row: number, width: number): number {
  const start = row * width;
  let best = 0;
  for (let index = 1; index < width; index++) {
    if (values[start + index]! > values[start + best]!) best = index;
  }
  return best;
}

/** rows x classes, 0 or 1: the most probable class (multiclass) or all above the threshold (multi-label). */
export function answers({ probabilities, rows, classes, task }: Omit<Evaluation, 'targets'>): Uint8Array {
  if (task === 'multilabel') return Uint8Array.from(probabilities, (p) => (p > THRESHOLD ? 1 : 0));
  const answered = new Uint8Array(rows * classes);
  for (let row = 0; row < rows; row++) answered[row * classes + argmax(probabilities, row, classes)] = 1;
  return answered;
}

/** Counts per class from {@link answers} and targets. */
export function countAnswers(answered: Uint8Array, targets: Uint8Array, classes: number): ClassCounts[] {
  // Cell 2 * target + answer of each class.
  const cells = new Uint32Array(classes * 4);
  for (let index = 0; index < answered.length; index++) {
    cells[(index % classes) * 4 + 2 * targets[index]! + answered[index]!]!++;
  }
  return Array.from({ length: classes }, (_, label) => ({
    trueNegatives: cells[label * 4]!,
    falsePositives: cells[label * 4 + 1]!,
    falseNegatives: cells[label * 4 + 2]!,
    truePositives: cells[label * 4 + 3]!,
  }));
}

/** Mean of the values that are defined, or null when none is. */
export function meanDefined(values: readonly (number | null)[]): number | null {
  const defined = values.filter((value) => value !== null);
  return defined.length === 0 ? null : defined.reduce((sum, value) => sum + value, 0) / defined.length;
}

/** `part / whole`, or null where the whole is nothing. */
export function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}

/** Harmonic mean of precision and recall; null for a class that neither occurs nor is answered. */
export function f1Score({ truePositives, falsePositives, falseNegatives }: ClassCounts): number | null {
  return ratio(2 * truePositives, 2 * truePositives + falsePositives + falseNegatives);
}
