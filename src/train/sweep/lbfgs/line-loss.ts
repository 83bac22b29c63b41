/** Cross-entropy of a linear head from its logits alone: along a line, with its slope in every logit. */
import type { Output } from '../../../shared/head/config.ts';
import type { ArenaArray, Kernels } from '../../../shared/training/arena.ts';

/** What the training rows ask for, each [classes, pitch]. */
export interface Wanted {
  classes: number;
  /** Rows, rounded up to whole vectors; those in excess have no weight. */
  pitch: number;
  /** Weight times target. */
  weightedTargets: ArenaArray;
  /** Weight; softmax, whose classes share one normaliser, takes each row's sum of pulls instead. */
  sampleWeights: ArenaArray;
}

/** A function of one variable and its first two derivatives. */
export interface LinePoint {
  value: number;
  slope: number;
  curvature: number;
}

/** A head's logits, how a step along its direction moves them, and the loss's derivative in each, all [classes, pitch]. */
export interface Logits {
  logits: ArenaArray;
  logitDirection: ArenaArray;
  residuals: ArenaArray;
}

/** Length of the array that {@link lineLoss} works in. */
export const LINE_LOSS_LENGTH = 16;

/**
 * Returns the loss where logits have moved by `step` times their motion; their residuals become the derivatives there.
 * @param result of {@link LINE_LOSS_LENGTH} numbers
 */
export function lineLoss(
  kernels: Kernels,
  { view, address }: ArenaArray,
  { classes, pitch, weightedTargets, sampleWeights }: Wanted,
  output: Output,
): (lossAt: Logits, step: number) => LinePoint {
  const point = new Float64Array(view.buffer, address, 3);
  return ({ logits, logitDirection, residuals }, step) => {
    const arrays = [logits.address, logitDirection.address, residuals.address, weightedTargets.address];
    if (output === 'softmax') kernels.softmaxLoss(...arrays, pitch, classes, step, address);
    else kernels.sigmoidLoss(...arrays, sampleWeights.address, classes * pitch, step, address);
    const [value, slope, curvature] = point;
    return { value, slope, curvature };
  };
}

/** Trials of one search before rounding is all that is left. */
const MAX_TRIALS = 25;
/** Slope that may be left of the one at the start: the curvature condition of Wolfe, for two-sided searches. */
const SLOPE_LEFT = 0.5;
/** Values cannot be told apart that are closer than this share of them, since logits are float32. */
const VALUE_NOISE = 1e-7;

/**
 * Where a convex function, known to fall at 0, has lost half of its slope or more and has not risen: Newton's steps from 1, kept between
 * what has been seen to be too short and too far. Undefined when there is no such place but for rounding.
 */
export function searchLine(
  lossAt: (step: number) => LinePoint,
  start: { value: number; slope: number },
): { step: number; value: number } | undefined {
  let [step, low, high] = [1, 0, Number.POSITIVE_INFINITY];
  const max = start.value + VALUE_NOISE * Math.abs(start.value);
  for (let trial = 0; trial < MAX_TRIALS; trial++) {
    // As logits and parameters will be moved by it.
    step = Math.fround(step);
    const { value, slope, curvature } = lossAt(step);
    if (Math.abs(slope) <= -SLOPE_LEFT * start.slope && value <= max) return { step, value };
    if (slope < 0 && value <= max) low = step;
    else high = step;
    const newton = step - slope / curvature;
    if (newton > low && newton < high) step = newton;
    else step = Number.isFinite(high) ? (low + high) / 2 : 2 * step;
  }
  return undefined;
}
