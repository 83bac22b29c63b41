/** What a sweep trains on: shared by all workers, never copied. */
import type { Normalization, Task } from '../head/config.ts';
import type { Evaluation } from '../metrics/counts.ts';
import type { Split } from '../store/schema.ts';
import { type FeatureRows, isInMemory } from './rows.ts';

/** Rows are ordered by split, so that each split is one contiguous block: training, then validation, then test. */
export interface TrainingData {
  task: Task;
  /** Numbers in a feature vector. */
  inputs: number;
  classes: number;
  rows: { train: number; val: number; test: number };
  /** [all rows, inputs] for each normalisation that some head asks for, over shared memory or in a file. */
  features: Partial<Record<Normalization, FeatureRows>>;
  /** [all rows, classes], 0 or 1, over shared memory. */
  targets: Uint8Array;
  /** How much each row counts in training, [all rows], over shared memory; absent where all count once. */
  weights?: Float32Array;
}

/** All rows' features, normalised in one way. */
export function featuresOf({ features }: TrainingData, normalize: Normalization): FeatureRows {
  const found = features[normalize];
  if (!found) throw new Error(`The sweep has no ${normalize} features`);
  return found;
}

/** Whether every row is in memory. */
export function fitsMemory({ features }: TrainingData): boolean {
  return Object.values(features).every(isInMemory);
}

/** A split's features, [rows, inputs], which must be in memory: a view, not a copy. */
export function splitFeatures(data: TrainingData, normalize: Normalization, split: Split): Float32Array {
  const { inputs } = data;
  const matrix = featuresOf(data, normalize);
  if (!isInMemory(matrix)) throw new Error('The rows are in a file');
  const { first, end } = splitRange(data, split);
  return matrix.subarray(first * inputs, end * inputs);
}

/** The part of the data that outcomes of training are compared with. */
export type LabelledRows = Pick<TrainingData, 'task' | 'classes' | 'rows' | 'targets' | 'weights'>;

/** The rows of a split. */
export function splitRange(
  { rows }: Pick<TrainingData, 'rows'>,
  split: Split,
): { first: number; end: number } {
  const first = { train: 0, val: rows.train, test: rows.train + rows.val }[split];
  return { first, end: first + rows[split] };
}

/** Probabilities for the validation rows, [rows, classes], beside their targets: views, not copies. */
export function validationOf(data: LabelledRows, probabilities: Float32Array): Evaluation {
  const { classes, task } = data;
  const { first, end } = splitRange(data, 'val');
  const targets = data.targets.subarray(first * classes, end * classes);
  return { probabilities, targets, rows: end - first, classes, task };
}
