/** Curves of a head's predictions: ranking, thresholds, calibration. */

import { rank } from '../calibration/thresholds.ts';
import { argmax, predictedLabels } from '../head/predicted-labels.ts';
import type { Evaluation } from '../metrics/counts.ts';
import type { ClassCurves, ReportData } from './data.ts';

/** Points of a curve: more cannot be seen. */
const MAX_POINTS = 120;
/** Bins of equal width over confidences. */
const BINS = 10;

/** ROC and precision-recall curves of the shown classes, and for multi-label the scores at every threshold. */
export function classCurves(
  evaluation: Evaluation,
  names: readonly string[],
  shown: readonly number[],
): ClassCurves[] {
  return shown.map((label) => {
    const name = names[label];
    const { probabilities, targets } = rank(evaluation, label);
    const rows = targets.length;
    const positives = targets.reduce((sum, target) => sum + target, 0);
    const negatives = rows - positives;
    const roc: [number, number][] = [[0, 0]];
    const precisionRecall: [number, number][] = [];
    const thresholds: [number, number, number, number][] = [];
    let found = 0;
    for (let index = 0; index < rows; index++) {
      found += targets[index];
      // Equal probabilities pass a threshold together.
      if (index + 1 < rows && probabilities[index + 1] === probabilities[index]) continue;
      const predicted = index + 1;
      const [precision, recall] = [found / predicted, positives === 0 ? 0 : found / positives];
      if (negatives > 0 && positives > 0) roc.push([(predicted - found) / negatives, recall]);
      if (positives > 0) precisionRecall.push([recall, precision]);
      const f1 = positives + predicted === 0 ? 0 : (2 * found) / (positives + predicted);
      thresholds.push([probabilities[index], precision, recall, f1]);
    }
    return {
      name,
      roc: positives > 0 && negatives > 0 ? thinned(roc) : [],
      precisionRecall: thinned(precisionRecall),
      thresholds: evaluation.task === 'multilabel' && positives > 0 ? thinned(thresholds) : [],
      threshold: evaluation.thresholds?.[label] ?? null,
    };
  });
}

function thinned<P extends number[]>(points: readonly P[]): P[] {
  const step = Math.max(1, (points.length - 1) / (MAX_POINTS - 1));
  const kept = Array.from(
    { length: Math.min(points.length, MAX_POINTS) },
    (_, index) => points[Math.min(points.length - 1, Math.round(index * step))],
  );
  return kept.map((point) => point.map((value) => Number(value.toFixed(4))) as P);
}

/** How often predictions of about the same confidence are right; empty bins are left out. */
export function calibrationBins(evaluation: Evaluation): ReportData['calibration'] {
  const { probabilities, targets, rows, classes, task } = evaluation;
  const bins = Array.from({ length: BINS }, () => ({ confidence: 0, right: 0, count: 0 }));
  const take = (index: number) => {
    const bin = bins[Math.min(BINS - 1, Math.floor(probabilities[index] * BINS))];
    // A diverged head's NaN belongs to no bin.
    if (!bin) return;
    bin.confidence += probabilities[index];
    bin.right += targets[index];
    bin.count++;
  };
  for (let row = 0; row < rows; row++) {
    if (task === 'multiclass') take(row * classes + argmax(probabilities, row, classes));
    else for (let label = 0; label < classes; label++) take(row * classes + label);
  }
  return bins
    .filter(({ count }) => count > 0)
    .map(({ confidence, right, count }) => ({ confidence: confidence / count, right: right / count, count }));
}

/** Images that have both of two labels; a label's own count on the diagonal. */
export function cooccurrence(targets: Uint8Array, classes: number): number[][] {
  const counts = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (let start = 0; start < targets.length; start += classes) {
    for (let a = 0; a < classes; a++) {
      if (targets[start + a] === 0) continue;
      for (let b = 0; b < classes; b++) counts[a][b] += targets[start + b];
    }
  }
  return counts;
}

/** A wrong prediction on the evaluated split. */
export interface WrongPrediction {
  /** Counted within the evaluation. */
  row: number;
  label: number;
  /** Whether the label was predicted; multi-label predictions can also be wrong by leaving one out. */
  present: boolean;
  /** Probability of what was predicted. */
  confidence: number;
}

/** Each wrongly predicted row once, by its most confident wrong prediction, the most confident first. */
export function wrongPredictions(evaluation: Evaluation): WrongPrediction[] {
  const { probabilities, targets, rows, classes } = evaluation;
  const isPredicted = predictedLabels(evaluation);
  const wrong: WrongPrediction[] = [];
  for (let row = 0; row < rows; row++) {
    let mostConfident: WrongPrediction | undefined;
    for (let label = 0; label < classes; label++) {
      const index = row * classes + label;
      if (isPredicted[index] === targets[index]) continue;
      const present = isPredicted[index] === 1;
      if (evaluation.task === 'multiclass' && !present) continue;
      const confidence = present ? probabilities[index] : 1 - probabilities[index];
      if (!mostConfident || confidence > mostConfident.confidence)
        mostConfident = { row, label, present, confidence };
    }
    if (mostConfident) wrong.push(mostConfident);
  }
  return wrong.sort((a, b) => b.confidence - a.confidence || a.row - b.row);
}
