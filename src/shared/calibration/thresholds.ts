/** Thresholds of multi-label predictions: for each label what gives it the best F1 on validation. */
import { DEFAULT_THRESHOLD } from '../head/predicted-labels.ts';
import type { Evaluation } from '../metrics/counts.ts';
import { random } from '../random.ts';

/** Validation images with a label, and without it, below which its threshold stays at a half: fewer tell only noise. */
const MIN_IMAGES = 5;

/**
 * Resamples over which a threshold is averaged. The best threshold of a single sample fits its noise: on a few
 * hundred images it scored below a half on the test split, the average above it (docs/training.md has the figures).
 */
const RESAMPLES = 50;

/** The images of one label, the most probable first. */
interface Ranked {
  probabilities: Float64Array;
  targets: Uint8Array;
}

/**
 * What a label's probability must exceed to be predicted, for each label: the mean of the best thresholds of 50
 * bootstrap resamples of the rows (bagging, Breiman 1996).
 */
export function tuneThresholds(evaluation: Evaluation): number[] {
  return Array.from({ length: evaluation.classes }, (_, label) => {
    const ranked = rank(evaluation, label);
    const rows = ranked.targets.length;
    const positives = ranked.targets.reduce((sum, target) => sum + target, 0);
    if (positives < MIN_IMAGES || rows - positives < MIN_IMAGES) return DEFAULT_THRESHOLD;
    const stream = random(0, 'thresholds', label);
    let sum = 0;
    for (let resample = 0; resample < RESAMPLES; resample++) {
      const counts = new Int32Array(rows);
      for (let drawn = 0; drawn < rows; drawn++) counts[stream.integer(rows)]++;
      sum += bestThreshold(ranked, counts);
    }
    return sum / RESAMPLES;
  });
}

/** The rows by the probability of a label, the most probable first. */
export function rank({ probabilities, targets, rows, classes }: Evaluation, label: number): Ranked {
  const order = Array.from({ length: rows }, (_, row) => row * classes + label).sort(
    (a, b) => probabilities[b] - probabilities[a],
  );
  return {
    probabilities: Float64Array.from(order, (index) => probabilities[index]),
    targets: Uint8Array.from(order, (index) => targets[index]),
  };
}

/**
 * The threshold with the greatest F1 on sklearn's precision_recall_curve, halfway between two probabilities. Of
 * equally good ones the nearest to a half wins, first of all a half itself; one below which no row lies is not taken.
 * @param counts how often each row counts
 */
export function bestThreshold({ probabilities, targets }: Ranked, counts: Int32Array): number {
  const total = { rows: 0, positives: 0 };
  const atHalf = { rows: 0, positives: 0 };
  for (const [row, count] of counts.entries()) {
    total.rows += count;
    total.positives += count * targets[row];
    if (probabilities[row] <= DEFAULT_THRESHOLD) continue;
    atHalf.rows += count;
    atHalf.positives += count * targets[row];
  }
  const f1 = (predicted: typeof total) => (2 * predicted.positives) / (total.positives + predicted.rows);
  let best = { threshold: DEFAULT_THRESHOLD, f1: f1(atHalf) };
  const above = { rows: 0, positives: 0 };
  let last = Number.NaN;
  for (const [row, count] of counts.entries()) {
    if (count === 0) continue;
    // No threshold tells equal probabilities apart.
    if (above.rows > 0 && probabilities[row] !== last) {
      const found = { threshold: (last + probabilities[row]) / 2, f1: f1(above) };
      const nearer = (one: number, other: number) =>
        Math.abs(one - DEFAULT_THRESHOLD) < Math.abs(other - DEFAULT_THRESHOLD);
      const ties = found.f1 === best.f1 && nearer(found.threshold, best.threshold);
      if (found.f1 > best.f1 || ties) best = found;
    }
    above.rows += count;
    above.positives += count * targets[row];
    last = probabilities[row];
  }
  return best.threshold;
}
