/** How good the head is before anything of its backbone is trained, on the same images. */
import type { Engine } from '../../shared/engines/engine.ts';
import { headInputs } from '../../shared/head/head-tensors.ts';
import { headGraph } from '../../shared/head/predictor.ts';
import type { DividedStart } from './open.ts';

/** Rows that are predicted at once. */
const BATCH = 256;

/** Probabilities [rows, classes] for all images in the table's order, as the head was trained: without temperature. */
export async function predictStart(
  { head, dataset, features }: Pick<DividedStart, 'head' | 'dataset' | 'features'>,
  engine: Engine,
): Promise<Float32Array> {
  const { temperature: _, ...record } = head.record;
  const inputs = headInputs(record);
  const { rows } = dataset.table;
  const { length: classes } = record.classes;
  const matrix = features.matrix as Float32Array;
  const program = await engine.compile(headGraph({ ...head, record }));
  const probabilities = new Float32Array(rows * classes);
  try {
    for (let first = 0; first < rows; first += BATCH) {
      const end = Math.min(rows, first + BATCH);
      const { probabilities: own } = await program.run({
        features: matrix.slice(first * inputs, end * inputs),
      });
      probabilities.set(own, first * classes);
    }
    return probabilities;
  } finally {
    await program.release();
  }
}
