/** What a trained tail and head predict for rows of the activations. */
import type { ActivationReader } from '../../shared/store/activations/reader.ts';
import { writeTrained } from './tensors.ts';
import type { TrainedTail } from './train-tail.ts';
import { createTailTrainer, type TrainerOptions } from './trainer.ts';

/** @returns probabilities [rows, classes] */
export async function predictRows(
  { result: { config }, head, tail }: TrainedTail,
  rows: Int32Array,
  options: Omit<TrainerOptions, 'config' | 'activations' | 'batchSize'> & { reader: ActivationReader },
): Promise<Float32Array> {
  const { reader } = options;
  const trainer = await createTailTrainer({ ...options, config, activations: reader, batchSize: 1 });
  writeTrained(trainer.blocks.parameters, trainer.layout, { head, tail });
  return trainer.predict(reader, rows);
}
