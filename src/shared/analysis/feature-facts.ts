/** What the features look like before any normalisation: enough to tell that pixels came in wrongly. */

import { spreadRows } from '../dataset/row-numbers.ts';
import { readRows } from '../dataset/rows.ts';
import type { FeatureSet } from '../dataset/table.ts';

/** Numbers of the features of one store, as extracted. */
export interface FeatureFacts {
  backbone: string;
  /** The pixel normalisation that the store says its features were made with. */
  preprocessing: string;
  /** Whether the backbone had trained weights: seeded ones have statistics of their own. */
  trained: boolean;
  /** Whether the weights are a file of the user's, whose network may prepare pixels in its own way. */
  isFromFile: boolean;
  columns: string[];
  mean: number;
  deviation: number;
  minimum: number;
  maximum: number;
  /** Mean cosine of two different images' features: 1 where all images look alike. */
  meanCosine: number;
}

/** Rows that are looked at. */
const SAMPLE = 1000;

/** One entry for each store of a set, in the order of its sources. @param rows rows of its matrix */
export function featureFacts(
  { matrix, inputs, sources }: Pick<FeatureSet, 'matrix' | 'inputs' | 'sources'>,
  rows: number,
): FeatureFacts[] {
  const sample = spreadRows(rows, SAMPLE);
  let offset = 0;
  return sources.map(({ pipeline, columns, dimension }) => {
    let [sum, squares, minimum, maximum] = [0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    const total = new Float64Array(dimension);
    for (const row of sample) {
      const own = readRows(matrix, inputs, row, row + 1).values.subarray(offset, offset + dimension);
      let length = 0;
      for (const value of own) {
        sum += value;
        length += value * value;
        if (value < minimum) minimum = value;
        if (value > maximum) maximum = value;
      }
      squares += length;
      const scale = 1 / (Math.sqrt(length) || 1);
      for (let i = 0; i < dimension; i++) total[i] += own[i] * scale;
    }
    offset += dimension;
    const count = sample.length * dimension;
    const mean = sum / count;
    const together = total.reduce((all, value) => all + value * value, 0);
    const n = sample.length;
    return {
      backbone: pipeline.backbone,
      preprocessing: pipeline.preprocessing,
      trained: pipeline.weights !== 'none',
      isFromFile: !['imagenet', 'none'].includes(pipeline.weights),
      columns,
      mean,
      deviation: Math.sqrt(Math.max(0, squares / count - mean * mean)),
      minimum,
      maximum,
      // The squared length of the sum of n unit vectors is n plus the cosines of all pairs.
      meanCosine: n > 1 ? (together - n) / (n * (n - 1)) : 0,
    };
  });
}
