/** Temperature scaling (Guo et al. 2017): one number by which a head's logits are divided, fitted on validation. */

import type { Output } from '../head/config.ts';
import { predictedLabels } from '../head/predicted-labels.ts';
import type { Evaluation } from '../metrics/counts.ts';

/** The range of temperatures; a validation split that asks for one beyond it is noise. */
const LIMITS = [1 / 20, 20] as const;
/** Width of the interval of log temperatures at which the search ends. */
const PRECISION = 1e-7;
/** Keeps logarithms of probabilities that float32 rounded to 0 finite. */
const SMALLEST = 1e-38;
/** The float32 below 1: keeps the logits of probabilities that were rounded to 1 finite. */
const LARGEST = 1 - 2 ** -24;

/** Probabilities of an output with all logits divided by a temperature. */
type Scale = (probabilities: Float32Array, classes: number, temperature: number) => Float32Array;

const SCALE: Readonly<Record<Output, Scale>> = {
  softmax(probabilities, classes, temperature) {
    const scaled = new Float32Array(probabilities.length);
    for (let start = 0; start < scaled.length; start += classes) {
      const row = Float64Array.from(probabilities.subarray(start, start + classes), (p) =>
        Math.log(Math.max(p, SMALLEST)),
      );
      const greatest = Math.max(...row);
      const powers = row.map((logit) => Math.exp((logit - greatest) / temperature));
      const sum = powers.reduce((total, power) => total + power, 0);
      scaled.set(
        powers.map((power) => power / sum),
        start,
      );
    }
    return scaled;
  },
  sigmoid: (probabilities, _, temperature) =>
    probabilities.map((p) => {
      const within = Math.min(LARGEST, Math.max(SMALLEST, p));
      return 1 / (1 + ((1 - within) / within) ** (1 / temperature));
    }),
};

/** What a head predicts when its logits are divided by `temperature`; [rows, classes] like `probabilities`. */
export function withTemperature(
  probabilities: Float32Array,
  { classes, output, temperature }: { classes: number; output: Output; temperature: number },
): Float32Array {
  return SCALE[output](probabilities, classes, temperature);
}

/**
 * The temperature under which the targets are likeliest: of the true class for softmax, of every yes and no for
 * sigmoid. It is 1 without rows and where every row is predicted correctly: then no temperature is too low.
 */
export function fitTemperature(evaluation: Evaluation, output: Output): number {
  const { targets, rows } = evaluation;
  const isPredicted = predictedLabels(evaluation);
  if (rows === 0 || isPredicted.every((value, index) => value === targets[index])) return 1;
  const loss = LOSS[output](evaluation);
  const [min, max] = LIMITS.map(Math.log) as [number, number];
  return Math.exp(minimum((log) => loss(Math.exp(log)), min, max));
}

/** The 95th percentile of chi-square with one degree of freedom. */
const SIGNIFICANT = 3.841;

/**
 * Whether the targets tell a temperature from 1: a likelihood-ratio test at 5 %. Few rows fit a temperature to their
 * noise, which makes a head that was calibrated well worse.
 */
export function isSignificant(evaluation: Evaluation, output: Output, temperature: number): boolean {
  const loss = LOSS[output](evaluation);
  return 2 * (loss(1) - loss(temperature)) > SIGNIFICANT;
}

/** Negative log-likelihood of the targets as a function of the temperature: one valley over its logarithm. */
const LOSS: Readonly<Record<Output, (evaluation: Evaluation) => (temperature: number) => number>> = {
  softmax({ probabilities, targets, classes }) {
    const logits = Float64Array.from(probabilities, (p) => Math.log(Math.max(p, SMALLEST)));
    return (temperature) => {
      let loss = 0;
      for (let start = 0; start < logits.length; start += classes) {
        let right = 0;
        let greatest = Number.NEGATIVE_INFINITY;
        for (let index = start; index < start + classes; index++) {
          greatest = Math.max(greatest, logits[index]);
          if (targets[index] === 1) right = logits[index];
        }
        let sum = 0;
        for (let index = start; index < start + classes; index++)
          sum += Math.exp((logits[index] - greatest) / temperature);
        loss += Math.log(sum) - (right - greatest) / temperature;
      }
      return loss;
    };
  },
  sigmoid({ probabilities, targets }) {
    const logits = Float64Array.from(probabilities, (p) => {
      const within = Math.min(LARGEST, Math.max(SMALLEST, p));
      return Math.log(within / (1 - within));
    });
    return (temperature) => {
      let loss = 0;
      for (let index = 0; index < logits.length; index++) {
        const wrong = (targets[index] === 1 ? -logits[index] : logits[index]) / temperature;
        // log(1 + e^x), without overflow.
        loss += Math.max(0, wrong) + Math.log1p(Math.exp(-Math.abs(wrong)));
      }
      return loss;
    };
  },
};

/** Golden-section search in a valley. */
function minimum(valley: (x: number) => number, from: number, to: number): number {
  const golden = (Math.sqrt(5) - 1) / 2;
  let [low, high] = [from, to];
  let left = high - golden * (high - low);
  let right = low + golden * (high - low);
  let [atLeft, atRight] = [valley(left), valley(right)];
  while (high - low > PRECISION) {
    if (atLeft <= atRight) {
      [high, right, atRight] = [right, left, atLeft];
      left = high - golden * (high - low);
      atLeft = valley(left);
    } else {
      [low, left, atLeft] = [left, right, atRight];
      right = low + golden * (high - low);
      atRight = valley(right);
    }
  }
  return (low + high) / 2;
}
