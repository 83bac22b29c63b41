/** predictions.csv: what the best head predicts for every image. */

import { type CsvOptions, csvLine } from '../csv-line.ts';
import { predictedLabels } from '../head/predicted-labels.ts';
import { labelCell } from '../manifest/labels.ts';
import type { Evaluation } from '../metrics/counts.ts';
import type { Split } from '../store/schema.ts';

/** Rows of predictions.csv. */
export interface Predictions extends Omit<Evaluation, 'targets' | 'classes'> {
  paths: readonly string[];
  /** The split each row was in; null for rows that were left out. */
  split: readonly (Split | null)[];
  labels: readonly (readonly string[])[];
  /** Only images themselves (0) are listed. */
  views: Int16Array;
  classes: readonly string[];
}

/**
 * The lines of predictions.csv, header first: path, split, labels and predicted (cells of labels as a manifest has
 * them), then one probability per class in columns named `p_<class>`. A generator, since the text of a large data
 * set exceeds the longest string.
 */
export function* predictionLines(predictions: Predictions, csv: CsvOptions = {}): Generator<string> {
  const { paths, split, labels, views, classes, probabilities, rows, task, thresholds } = predictions;
  const width = classes.length;
  const isPredicted = predictedLabels({ probabilities, rows, classes: width, task, thresholds });
  yield csvLine(['path', 'split', 'labels', 'predicted', ...classes.map((name) => `p_${name}`)], csv);
  for (let row = 0; row < rows; row++) {
    if (views[row] > 0) continue;
    const predicted = classes.filter((_, label) => isPredicted[row * width + label] === 1);
    const p = probabilities.subarray(row * width, (row + 1) * width);
    yield csvLine([paths[row], split[row], labelCell(labels[row]), labelCell(predicted), ...p], csv);
  }
}
