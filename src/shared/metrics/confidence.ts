/** Metrics of multiclass probabilities beyond the best prediction: calibration error and top-k accuracy. */
import { argmax } from '../head/predicted-labels.ts';
import { type Evaluation, ratio } from './counts.ts';

/** Bins of equal width over the confidences, as Guo et al. 2017 (On Calibration of Modern Neural Networks) report. */
const BINS = 15;

/**
 * Expected calibration error of multiclass predictions: the mean over rows of how far the confidence of the rows' bin is
 * from its accuracy. Confidence is the greatest probability of a row; bins are open below, closed above.
 * Null without rows.
 */
export function calibrationError({ probabilities, targets, rows, classes }: Evaluation): number | null {
  const confidence = new Float64Array(BINS);
  const right = new Float64Array(BINS);
  for (let row = 0; row < rows; row++) {
    const predicted = row * classes + argmax(probabilities, row, classes);
    const bin = Math.min(BINS - 1, Math.max(0, Math.ceil(probabilities[predicted] * BINS) - 1));
    confidence[bin] += probabilities[predicted];
    right[bin] += targets[predicted];
  }
  return ratio(
    confidence.reduce((sum, total, bin) => sum + Math.abs(total - right[bin]), 0),
    rows,
  );
}

/** The k of the reported top-k accuracies, as far as there are more classes than that. */
const TOP = [2, 3, 5] as const;

/** Shares of rows whose class is among the k most probable, named by k; null without rows. */
export type TopK = Record<string, number | null>;

/** sklearn's top_k_accuracy_score for k = 2, 3 and 5; of equal probabilities the first class counts as greater. */
export function topKAccuracy(evaluation: Evaluation): TopK {
  const { probabilities, targets, rows, classes } = evaluation;
  const ranks = Int32Array.from({ length: rows }, (_, row) => {
    const truth = argmax(targets, row, classes);
    const own = probabilities[row * classes + truth];
    let before = 0;
    for (let label = 0; label < classes; label++) {
      const other = probabilities[row * classes + label];
      if (other > own || (other === own && label < truth)) before++;
    }
    return before;
  });
  const within = (k: number) => ratio(ranks.filter((rank) => rank < k).length, rows);
  return Object.fromEntries(TOP.filter((k) => k < classes).map((k) => [String(k), within(k)]));
}
