/** How often each class is predicted correctly and wrongly. */
import type { Probabilities } from '../head/predicted-labels.ts';

/** Probabilities and targets of one split, as every metric takes them. */
export interface Evaluation extends Probabilities {
  /** rows x classes, row-major, 0 or 1; exactly one 1 per row for multiclass. */
  targets: Uint8Array;
}

/** The splits a head is evaluated on. */
export type EvaluatedSplit = 'val' | 'test';

/** Predictions of one class against the truth, in rows. */
export interface ClassCounts {
  truePositives: number;
  falsePositives: number;
  falseNegatives: number;
  trueNegatives: number;
}

/** Counts per class from predictedLabels() and targets. */
export function countOutcomes(isPredicted: Uint8Array, targets: Uint8Array, classes: number): ClassCounts[] {
  // Cell 2 * target + isPredicted of each class.
  const cells = new Uint32Array(classes * 4);
  for (let index = 0; index < isPredicted.length; index++) {
    cells[(index % classes) * 4 + 2 * targets[index] + isPredicted[index]]++;
  }
  return Array.from({ length: classes }, (_, label) => ({
    trueNegatives: cells[label * 4],
    falsePositives: cells[label * 4 + 1],
    falseNegatives: cells[label * 4 + 2],
    truePositives: cells[label * 4 + 3],
  }));
}

/** Mean of the values that are defined, or null when none is. */
export function meanDefined(values: readonly (number | null)[]): number | null {
  const defined = values.filter((value) => value !== null);
  return defined.length === 0 ? null : defined.reduce((sum, value) => sum + value, 0) / defined.length;
}

/** `count / whole`, or null where the whole is nothing. */
export function ratio(count: number, whole: number): number | null {
  return whole === 0 ? null : count / whole;
}

/** Harmonic mean of precision and recall; null for a class that neither occurs nor is predicted. */
export function f1Score({ truePositives, falsePositives, falseNegatives }: ClassCounts): number | null {
  return ratio(2 * truePositives, 2 * truePositives + falsePositives + falseNegatives);
}
