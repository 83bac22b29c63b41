/** Thresholds of multi-label answers: for each label the one with the best F1 on validation. */
import { DEFAULT_THRESHOLD } from '../../shared/head/answers.ts';
import type { Evaluation } from '../metrics/counts.ts';

/** Validation images with a label, and without it, below which its threshold stays at a half: fewer tell only noise. */
export const LEAST_IMAGES = 5;

/** What a label's probability must exceed to be answered, for each label. */
export function tuneThresholds(evaluation: Evaluation): number[] {
  return Array.from({ length: evaluation.classes }, (_, label) => tunedThreshold(evaluation, label));
}

/**
 * The threshold with the greatest F1, as it lies in sklearn's precision_recall_curve; it stands halfway between two
 * probabilities. Of equally good ones, and against a half itself, the nearest to a half wins.
 */
function tunedThreshold({ probabilities, targets, rows, classes }: Evaluation, label: number): number {
  const order = Array.from({ length: rows }, (_, row) => ({
    p: probabilities[row * classes + label],
    target: targets[row * classes + label],
  })).sort((a, b) => b.p - a.p);
  const positives = order.reduce((sum, { target }) => sum + target, 0);
  if (positives < LEAST_IMAGES || rows - positives < LEAST_IMAGES) return DEFAULT_THRESHOLD;
  const f1 = (right: number, answered: number) => (2 * right) / (positives + answered);
  const atHalf = order.filter(({ p }) => p > DEFAULT_THRESHOLD);
  const rightAtHalf = atHalf.reduce((sum, { target }) => sum + target, 0);
  let best = { threshold: DEFAULT_THRESHOLD, f1: f1(rightAtHalf, atHalf.length) };
  let right = 0;
  for (const [index, { p, target }] of order.entries()) {
    right += target;
    const next = order[index + 1]?.p;
    // No threshold tells equal probabilities apart, and answering every image is not an answer.
    if (next === undefined || next === p) continue;
    const found = { threshold: (p + next) / 2, f1: f1(right, index + 1) };
    const nearer =
      Math.abs(found.threshold - DEFAULT_THRESHOLD) < Math.abs(best.threshold - DEFAULT_THRESHOLD);
    if (found.f1 > best.f1 || (found.f1 === best.f1 && nearer)) best = found;
  }
  return best.threshold;
}
