/** What a trained tail and head predict for rows of the activations. */
import { writeTrained } from './tensors.ts';
import type { TrainedTail } from './train-tail.ts';
import { createTailTrainer, type TrainerOptions } from './trainer.ts';

/** @returns probabilities [rows, classes] */
export async function predictRows(
  { result: { config }, head, tail }: TrainedTail,
  rows: Int32Array,
  options: Omit<TrainerOptions, 'config' | 'batchSize'>,
): Promise<Float32Array> {
  const trainer = await createTailTrainer({ ...options, config, batchSize: 1 });
  const blocks = await trainer.save();
  writeTrained(blocks.parameters, trainer.layout, { head, tail });
  trainer.load(blocks);
  const predicted = await trainer.predict(rows, () => false);
  trainer.release();
  if (!predicted) throw new Error('Nothing stops predictions');
  return predicted;
}
