/** The majority baseline: the score that a head has to beat. */
import type { Metrics, Task } from '../head/config.ts';
import { evaluate } from './evaluate.ts';

/**
 * Metrics of predicting every row with the training frequencies of the classes: multiclass rows get the most frequent
 * class, and each label of multi-label rows its own majority. Its auc is 0.5 and its mAP the mean frequency.
 * @param training targets of the training rows, rows x classes
 * @param evaluated targets of the rows to score, rows x classes
 */
export function baseline(training: Uint8Array, evaluated: Uint8Array, classes: number, task: Task): Metrics {
  const frequencies = new Float32Array(classes);
  for (let index = 0; index < training.length; index++) frequencies[index % classes] += training[index];
  for (let label = 0; label < classes; label++) frequencies[label] /= training.length / classes;
  const probabilities = Float32Array.from(evaluated, (_, index) => frequencies[index % classes]);
  return evaluate({ probabilities, targets: evaluated, rows: evaluated.length / classes, classes, task });
}
