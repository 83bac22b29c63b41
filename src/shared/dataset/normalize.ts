/** Input normalisation: fitted on the training rows, applied to the whole matrix once. */
import { type Normalization, softsignDivisors } from '../head/config.ts';

/** What a head may need to normalise a new feature vector. */
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

/** Normalises a row in place. */
type Normalize = (row: Float32Array) => void;

const NORMALIZE: Readonly<
  Record<Normalization, (statistics: NormalizationStatistics | undefined) => Normalize>
> = {
  none: () => () => {},
  standardize(statistics) {
    const { mean, deviation } = fitted(statistics);
    return (row) => {
      for (let i = 0; i < row.length; i++) row[i] = (row[i] - mean[i]) / deviation[i];
    };
  },
  l2: () => scaleToUnitLength,
  softsign(statistics) {
    const divisors = softsignDivisors(fitted(statistics).deviation);
    return (row) => {
      for (let i = 0; i < row.length; i++) {
        const scaled = row[i] / divisors[i];
        row[i] = scaled / (1 + Math.abs(scaled));
      }
      scaleToUnitLength(row);
    };
  },
};

function fitted(statistics: NormalizationStatistics | undefined): NormalizationStatistics {
  if (!statistics) throw new Error('The normalisation needs fitted statistics');
  return statistics;
}

/** Zeros stay zeros. */
function scaleToUnitLength(row: Float32Array): void {
  let squares = 0;
  for (const value of row) squares += value * value;
  const length = Math.sqrt(squares) || 1;
  for (let i = 0; i < row.length; i++) row[i] /= length;
}

/** Normalises every row of [rows, inputs] in place. @param statistics where the normalisation needs some */
export function normalizeRows(
  matrix: Float32Array,
  inputs: number,
  normalize: Normalization,
  statistics: NormalizationStatistics | undefined,
): void {
  if (matrix.length === 0) return;
  const apply = NORMALIZE[normalize](statistics);
  for (let start = 0; start < matrix.length; start += inputs) apply(matrix.subarray(start, start + inputs));
}
