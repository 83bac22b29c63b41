/** What is fitted on validation after a head is trained: its temperature, or its thresholds. */
import type { Output } from '../../shared/head/config.ts';
import type { Evaluation } from '../metrics/counts.ts';
import { fitTemperature, withTemperature } from './temperature.ts';
import { tuneThresholds } from './thresholds.ts';

/** Kept in head.json beside the head's parameters, and applied whenever it answers. */
export interface Calibration {
  /** Multiclass: what the logits are divided by. */
  temperature?: number;
  /** Multi-label: what each label's probability must exceed. */
  thresholds?: number[];
}

/**
 * Fits what the task has. Thresholds decide which labels are answered, so multi-label probabilities stay as trained;
 * the likeliest class stays the likeliest at any temperature, so multiclass answers stay as trained.
 * @param validation never test rows: what is fitted on them would flatter the test
 */
export function fitCalibration(validation: Evaluation, output: Output): Calibration {
  return validation.task === 'multilabel'
    ? { thresholds: tuneThresholds(validation) }
    : { temperature: fitTemperature(validation, output) };
}

/** An evaluation of what the head answers once it is calibrated. */
export function calibrated<E extends Omit<Evaluation, 'targets'>>(
  evaluation: E,
  output: Output,
  { temperature, thresholds }: Calibration,
): E {
  const { probabilities, classes } = evaluation;
  return {
    ...evaluation,
    ...(thresholds && { thresholds }),
    ...(temperature !== undefined && {
      probabilities: withTemperature(probabilities, { classes, output, temperature }),
    }),
  };
}
