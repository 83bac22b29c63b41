/** What a stack predicts for many rows, wherever they are. */

import { featuresOf, type TrainingData } from '../../shared/dataset/data.ts';
import { blockRows, eachBlock } from '../../shared/dataset/rows.ts';
import type { Normalization } from '../../shared/head/config.ts';
import type { Stack } from './stack.ts';
import { PREDICTION_ROWS } from './stack-arrays.ts';

/** Probabilities [rows, lanes, classes] for the rows from `first` up to `end` of a sweep's data. */
export async function predictRows(
  stack: Stack,
  data: TrainingData,
  normalize: Normalization,
  { first, end }: { first: number; end: number },
): Promise<Float32Array> {
  const { inputs, classes, rows } = data;
  const features = featuresOf(data, normalize);
  const size = blockRows(features, rows.train + rows.val + rows.test, PREDICTION_ROWS);
  const blocks: Float32Array[] = [];
  for (const { values } of eachBlock(features, inputs, { first, end, size })) {
    blocks.push(await stack.predict(values, values.length / inputs));
  }
  if (blocks.length === 1) return blocks[0];
  const probabilities = new Float32Array((end - first) * stack.lanes * classes);
  let offset = 0;
  for (const block of blocks) {
    probabilities.set(block, offset);
    offset += block.length;
  }
  return probabilities;
}
