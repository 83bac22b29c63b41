/** How good the chosen head is: calibrated on validation, evaluated on test, or on validation where there is no test. */

import { type Calibration, calibrated, fitCalibration } from '../calibration/calibrate.ts';
import type { Metrics, Output } from '../head/config.ts';
import { calibrationError, type TopK, topKAccuracy } from '../metrics/confidence.ts';
import type { EvaluatedSplit, Evaluation } from '../metrics/counts.ts';
import { evaluate } from '../metrics/evaluate.ts';

export interface BestEvaluation {
  calibration: Calibration;
  /** Metrics of the head as it was trained, on test; null where there is no test split. */
  test: Metrics | null;
  /** Metrics of the calibrated head: with its temperature or its thresholds. */
  tuned: { val: Metrics; test: Metrics | null };
  /** The images a report is made from, and what the calibrated head predicts for them. */
  evaluated: { split: EvaluatedSplit; evaluation: Evaluation };
  /** Multiclass only: calibration error on the evaluated images without and with the temperature, and top-k accuracies. */
  confidence: { eceBefore: number | null; eceAfter: number | null; topK: TopK } | undefined;
}

/**
 * @param validation predictions of the head as it was trained, for images it was not trained on
 * @param test the same for the test split; undefined where there is none
 */
export function evaluateBest(
  validation: Evaluation,
  test: Evaluation | undefined,
  output: Output,
): BestEvaluation {
  const calibration = fitCalibration(validation, output);
  const tunedVal = calibrated(validation, output, calibration);
  const tunedTest = test && calibrated(test, output, calibration);
  const [before, after] = test && tunedTest ? [test, tunedTest] : [validation, tunedVal];
  return {
    calibration,
    test: test ? evaluate(test) : null,
    tuned: { val: evaluate(tunedVal), test: tunedTest ? evaluate(tunedTest) : null },
    evaluated: { split: test ? 'test' : 'val', evaluation: after },
    confidence:
      before.task === 'multiclass'
        ? {
            eceBefore: calibrationError(before),
            eceAfter: calibrationError(after),
            topK: topKAccuracy(after),
          }
        : undefined,
  };
}
