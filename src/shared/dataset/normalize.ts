/** Input normalisation: fitted on the training rows, applied to the whole matrix once. */
import type { Normalization } from '../head/config.ts';

/** What a head needs to normalise a new feature vector: (x - mean) / deviation, then optionally unit length. */
export interface NormalizationStatistics {
  mean: Float32Array;
  deviation: Float32Array;
}

/**
 * Mean and (biased) standard deviation of each feature over all rows of some blocks, each [rows, inputs].
 * A feature that never varies gets deviation 1, as in scikit-learn's StandardScaler.
 * @param blocks gives them anew at each call
 */
export function fitStandardization(
  blocks: () => Iterable<Float32Array>,
  inputs: number,
): NormalizationStatistics {
  const sums = new Float64Array(inputs);
  let trainRows = 0;
  for (const block of blocks()) {
    trainRows += block.length / inputs;
    for (let start = 0; start < block.length; start += inputs) {
      for (let i = 0; i < inputs; i++) sums[i] += block[start + i];
    }
  }
  const mean = sums.map((sum) => sum / trainRows);
  const squares = new Float64Array(inputs);
  for (const block of blocks()) {
    for (let start = 0; start < block.length; start += inputs) {
      for (let i = 0; i < inputs; i++) squares[i] += (block[start + i] - mean[i]) ** 2;
    }
  }
  const deviation = squares.map((sum) => Math.sqrt(sum / trainRows) || 1);
  return { mean: Float32Array.from(mean), deviation: Float32Array.from(deviation) };
}

type Apply = (row: Float32Array, statistics: NormalizationStatistics | undefined) => void;

const APPLY: Readonly<Record<Normalization, Apply>> = {
  none: () => {},
  standardize(row, statistics) {
    if (!statistics) throw new Error('standardize needs fitted statistics');
    const { mean, deviation } = statistics;
    for (let i = 0; i < row.length; i++) row[i] = (row[i] - mean[i]) / deviation[i];
  },
  l2(row) {
    let squares = 0;
    for (const value of row) squares += value * value;
    const length = Math.sqrt(squares) || 1;
    for (let i = 0; i < row.length; i++) row[i] /= length;
  },
};

/** Normalises every row of [rows, inputs] in place. */
export function normalizeRows(
  matrix: Float32Array,
  inputs: number,
  normalize: Normalization,
  statistics: NormalizationStatistics | undefined,
): void {
  for (let start = 0; start < matrix.length; start += inputs) {
    APPLY[normalize](matrix.subarray(start, start + inputs), statistics);
  }
}
