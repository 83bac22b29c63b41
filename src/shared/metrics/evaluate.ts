/** The metrics of every table and file, from probabilities and targets. */

import { type MetricName, type Metrics, metricsOf, type Task } from '../head/config.ts';
import { predictedLabels } from '../head/predicted-labels.ts';
import { type ClassCounts, countOutcomes, type Evaluation, f1Score, meanDefined, ratio } from './counts.ts';
import { rankClass } from './ranking.ts';

/** Keras clips probabilities to [1e-7, 1 - 1e-7] before the logarithm (keras.config.epsilon). */
const EPSILON = 1e-7;

/**
 * Computes metrics of `rows` x `classes` probabilities; names the task lacks are left out of the result.
 *
 * - `loss`: Keras's categorical_crossentropy (each row scaled to add up to 1) or, multi-label, binary_crossentropy
 *   over all rows and labels; natural logarithm, unweighted.
 * - `accuracy`: sklearn's accuracy_score: the share of rows predicted entirely right. For multi-label data that
 *   is the same as `subsetAccuracy`; `binaryAccuracy` is the share of single yes/no predictions that are right.
 * - `balancedAccuracy`: mean recall of the classes that occur; multi-label: mean over labels of the mean of
 *   sensitivity and specificity, without the labels that all rows or none have.
 * - `f1Macro`, `f1Micro`: sklearn's f1_score; a class that neither occurs nor is predicted is left out of the mean.
 * - `auc`: mean over classes of one-vs-rest ROC AUC, without the classes that all rows or none have.
 * - `mAP`: mean over classes of sklearn's average_precision_score, without the classes that no row has.
 *
 * A metric that the rows leave undefined is null. NaN probabilities give a NaN loss. Thresholds change neither losses nor
 * ranking metrics (auc, mAP).
 * @param which computes only these; loss and accuracy are cheap, auc and mAP sort every class
 */
export function evaluate(
  evaluation: Evaluation,
  which: readonly MetricName[] = metricsOf(evaluation.task),
): Metrics {
  const { probabilities, targets, rows, classes, task } = evaluation;
  const isPredicted = once(() => predictedLabels(evaluation));
  const counts = once(() => countOutcomes(isPredicted(), targets, classes));
  const ranking = once(() =>
    Array.from({ length: classes }, (_, label) => rankClass(probabilities, targets, rows, classes, label)),
  );
  const compute: Record<MetricName, () => number | null> = {
    loss: () =>
      task === 'multiclass' ? categoricalCrossentropy(evaluation) : binaryCrossentropy(evaluation),
    accuracy: () => exactlyRight(isPredicted(), targets, rows, classes),
    balancedAccuracy: () => balancedAccuracy(counts(), task),
    f1Macro: () => meanDefined(counts().map(f1Score)),
    f1Micro: () => f1Score(counts().reduce(addCounts)),
    auc: () => meanDefined(ranking().map(({ auc }) => auc)),
    mAP: () => meanDefined(ranking().map(({ averagePrecision }) => averagePrecision)),
    subsetAccuracy: () => exactlyRight(isPredicted(), targets, rows, classes),
    binaryAccuracy: () => {
      const { truePositives, trueNegatives } = counts().reduce(addCounts);
      return ratio(truePositives + trueNegatives, rows * classes);
    },
  };
  const available = new Set(metricsOf(task));
  const metrics: Metrics = {};
  for (const name of which) if (available.has(name)) metrics[name] = compute[name]();
  return metrics;
}

function once<T>(make: () => T): () => T {
  let memo: { value: T } | undefined;
  return () => {
    memo ??= { value: make() };
    return memo.value;
  };
}

function categoricalCrossentropy({ probabilities, targets, rows, classes }: Evaluation): number | null {
  let loss = 0;
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    let right = 0;
    for (let index = row * classes; index < (row + 1) * classes; index++) {
      sum += probabilities[index];
      if (targets[index] === 1) right = probabilities[index];
    }
    // Sigmoid outputs can all be 0; NaN stays NaN.
    loss -= Math.log(clipped(sum === 0 ? 0 : right / sum));
  }
  return ratio(loss, rows);
}

function binaryCrossentropy({ probabilities, targets, rows, classes }: Evaluation): number | null {
  let loss = 0;
  for (let index = 0; index < rows * classes; index++) {
    const p = clipped(probabilities[index]);
    loss -= Math.log(targets[index] === 1 ? p : 1 - p);
  }
  return ratio(loss, rows * classes);
}

function clipped(probability: number): number {
  return Math.min(1 - EPSILON, Math.max(EPSILON, probability));
}

function exactlyRight(
  isPredicted: Uint8Array,
  targets: Uint8Array,
  rows: number,
  classes: number,
): number | null {
  let right = 0;
  for (let row = 0; row < rows; row++) {
    let index = row * classes;
    const end = index + classes;
    while (index < end && isPredicted[index] === targets[index]) index++;
    if (index === end) right++;
  }
  return ratio(right, rows);
}

function balancedAccuracy(counts: readonly ClassCounts[], task: Task): number | null {
  return meanDefined(
    counts.map(({ truePositives, falsePositives, falseNegatives, trueNegatives }) => {
      const sensitivity = ratio(truePositives, truePositives + falseNegatives);
      if (task === 'multiclass') return sensitivity;
      const specificity = ratio(trueNegatives, trueNegatives + falsePositives);
      return sensitivity === null || specificity === null ? null : (sensitivity + specificity) / 2;
    }),
  );
}

function addCounts(a: ClassCounts, b: ClassCounts): ClassCounts {
  return {
    truePositives: a.truePositives + b.truePositives,
    falsePositives: a.falsePositives + b.falsePositives,
    falseNegatives: a.falseNegatives + b.falseNegatives,
    trueNegatives: a.trueNegatives + b.trueNegatives,
  };
}
