/** Cross-entropy of a linear head from its logits alone: along a line, with its slope in every logit. */
import type { Output } from '../../shared/head/config.ts';

/** What the training rows ask for, each [classes, rows]. */
export interface Wanted {
  rows: number;
  classes: number;
  /** Weight times target. */
  pull: Float64Array;
  /** Weight. For softmax, whose classes share one normaliser, the first row holds each row's sum of pulls. */
  mass: Float64Array;
}

/** A function of one variable and its first two derivatives. */
export interface LinePoint {
  value: number;
  slope: number;
  curvature: number;
}

/**
 * The loss where logits [classes, rows] have moved by `step` times `motion`.
 * @param residuals takes the derivative in every logit there
 */
type LogitLoss = (
  wanted: Wanted,
  logits: Float32Array,
  motion: Float32Array,
  step: number,
  residuals: Float32Array,
) => LinePoint;

export const LOGIT_LOSS: Readonly<Record<Output, LogitLoss>> = {
  softmax({ rows, classes, pull, mass }, logits, motion, step, residuals) {
    let [value, slope, curvature] = [0, 0, 0];
    for (let row = 0; row < rows; row++) {
      let most = Number.NEGATIVE_INFINITY;
      for (let at = row; at < rows * classes; at += rows) {
        const logit = logits[at] + step * motion[at];
        if (logit > most) most = logit;
      }
      let [sum, first, second] = [0, 0, 0];
      for (let at = row; at < rows * classes; at += rows) {
        const speed = motion[at];
        const logit = logits[at] + step * speed;
        const share = Math.exp(logit - most);
        residuals[at] = share;
        sum += share;
        first += share * speed;
        second += share * speed * speed;
        value -= pull[at] * logit;
        slope -= pull[at] * speed;
      }
      const mean = first / sum;
      value += mass[row] * (most + Math.log(sum));
      slope += mass[row] * mean;
      curvature += mass[row] * (second / sum - mean * mean);
      const scale = mass[row] / sum;
      for (let at = row; at < rows * classes; at += rows) residuals[at] = residuals[at] * scale - pull[at];
    }
    return { value, slope, curvature };
  },
  sigmoid({ pull, mass }, logits, motion, step, residuals) {
    let [value, slope, curvature] = [0, 0, 0];
    for (let at = 0; at < logits.length; at++) {
      const speed = motion[at];
      const logit = logits[at] + step * speed;
      const decay = Math.exp(-Math.abs(logit));
      const yes = (logit >= 0 ? 1 : decay) / (1 + decay);
      const residual = mass[at] * yes - pull[at];
      residuals[at] = residual;
      value += mass[at] * (Math.max(logit, 0) + Math.log1p(decay)) - pull[at] * logit;
      slope += residual * speed;
      curvature += mass[at] * yes * (1 - yes) * speed * speed;
    }
    return { value, slope, curvature };
  },
};

/** Trials of one search before rounding is all that is left. */
const MOST_TRIALS = 25;
/** Slope that may be left of the one at the start: the curvature condition of Wolfe, for two-sided searches. */
const SLOPE_LEFT = 0.5;
/** Values cannot be told apart that are closer than this share of them, since logits are float32. */
const VALUE_NOISE = 1e-7;

/**
 * Where a convex function, known to fall at 0, has lost half of its slope or more and has not risen: Newton's steps from 1, kept between
 * what has been seen to be too short and too far. Undefined when there is no such place but for rounding.
 */
export function searchLine(
  at: (step: number) => LinePoint,
  start: { value: number; slope: number },
): { step: number; value: number } | undefined {
  let [step, low, high] = [1, 0, Number.POSITIVE_INFINITY];
  const most = start.value + VALUE_NOISE * Math.abs(start.value);
  for (let trial = 0; trial < MOST_TRIALS; trial++) {
    const { value, slope, curvature } = at(step);
    if (Math.abs(slope) <= -SLOPE_LEFT * start.slope && value <= most) return { step, value };
    if (slope < 0 && value <= most) low = step;
    else high = step;
    const newton = step - slope / curvature;
    if (newton > low && newton < high) step = newton;
    else step = Number.isFinite(high) ? (low + high) / 2 : 2 * step;
  }
  return undefined;
}
