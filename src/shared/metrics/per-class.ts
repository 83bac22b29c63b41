/** What a head does to each class: precision, recall, F1, ranking, and which classes it takes for which. */
import { argmax, predictedLabels } from '../head/predicted-labels.ts';
import { countOutcomes, type Evaluation, f1Score, ratio } from './counts.ts';
import { rankClass } from './ranking.ts';

/** Scores of one class; null where the rows leave one undefined. */
export interface ClassReport {
  name: string;
  /** Null when the class is never predicted. */
  precision: number | null;
  /** Null when the class does not occur. */
  recall: number | null;
  f1: number | null;
  /** Rows that have the class. */
  support: number;
  averagePrecision: number | null;
  auc: number | null;
}

/** One report per class, in the order of `names`. */
export function perClass(evaluation: Evaluation, names: readonly string[]): ClassReport[] {
  const { probabilities, targets, rows, classes } = evaluation;
  return countOutcomes(predictedLabels(evaluation), targets, classes).map((counts, label) => {
    const support = counts.truePositives + counts.falseNegatives;
    return {
      name: names[label],
      precision: ratio(counts.truePositives, counts.truePositives + counts.falsePositives),
      recall: ratio(counts.truePositives, support),
      f1: f1Score(counts),
      support,
      ...rankClass(probabilities, targets, rows, classes, label),
    };
  });
}

/**
 * Multiclass: `counts[actual][predicted]`, rows of the split in each cell.
 * Multi-label: for each label `[[trueNegatives, falsePositives], [falseNegatives, truePositives]]`, as sklearn's
 * multilabel_confusion_matrix.
 */
export type Confusion =
  | { task: 'multiclass'; counts: number[][] }
  | { task: 'multilabel'; counts: [[number, number], [number, number]][] };

/** Counts which classes are taken for which. */
export function confusionMatrix(evaluation: Evaluation): Confusion {
  const { probabilities, targets, rows, classes, task } = evaluation;
  if (task === 'multilabel') {
    const counts = countOutcomes(predictedLabels(evaluation), targets, classes);
    return {
      task,
      counts: counts.map((label) => [
        [label.trueNegatives, label.falsePositives],
        [label.falseNegatives, label.truePositives],
      ]),
    };
  }
  const counts = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (let row = 0; row < rows; row++) {
    counts[argmax(targets, row, classes)][argmax(probabilities, row, classes)]++;
  }
  return { task, counts };
}
