/** What is fitted on validation after a head is trained: its temperature, or its thresholds. */
import type { Output } from '../head/config.ts';
import type { Evaluation } from '../metrics/counts.ts';
import { fitTemperature, isSignificant, withTemperature } from './temperature.ts';
import { tuneThresholds } from './thresholds.ts';

/** Kept in head.json beside the head's parameters, and applied to every prediction. */
export interface Calibration {
  /** Multiclass: what the logits are divided by; 1 where validation does not tell a better one. */
  temperature?: number;
  /** Multi-label: what each label's probability must exceed. */
  thresholds?: number[];
}

/**
 * Fits what the task has. Thresholds decide which labels are predicted, so multi-label probabilities stay as trained;
 * the likeliest class stays the likeliest at any temperature, so multiclass predictions stay as trained.
 * @param validation never test rows: what is fitted on them would flatter the test
 */
export function fitCalibration(validation: Evaluation, output: Output): Calibration {
  if (validation.task === 'multilabel') return { thresholds: tuneThresholds(validation) };
  const temperature = fitTemperature(validation, output);
  return { temperature: isSignificant(validation, output, temperature) ? temperature : 1 };
}

/** An evaluation of what the head predicts once it is calibrated. */
export function calibrated<E extends Omit<Evaluation, 'targets'>>(
  evaluation: E,
  output: Output,
  { temperature, thresholds }: Calibration,
): E {
  const { probabilities, classes } = evaluation;
  return {
    ...evaluation,
    ...(thresholds && { thresholds }),
    ...(temperature !== undefined &&
      temperature !== 1 && {
        probabilities: withTemperature(probabilities, { classes, output, temperature }),
      }),
  };
}
