/** What a sweep trains on: shared by all workers, never copied. */
import type { Normalization, Task } from '../../shared/head/config.ts';

/** Rows are ordered by part, so that each part is one contiguous block: training, then validation, then test. */
export interface SweepData {
  task: Task;
  /** Numbers in a feature vector. */
  inputs: number;
  classes: number;
  rows: { train: number; val: number; test: number };
  /** [all rows, inputs] for each normalisation that some head asks for, over shared memory. */
  features: Partial<Record<Normalization, Float32Array>>;
  /** [all rows, classes], 0 or 1, over shared memory. */
  targets: Uint8Array;
  /** How much each row counts in training, [all rows], over shared memory; absent where all count once. */
  weights?: Float32Array;
}

/** A part's features, [rows, inputs]: a view, not a copy. */
export function partFeatures(
  { features, inputs, rows }: SweepData,
  normalize: Normalization,
  part: 'train' | 'val' | 'test',
): Float32Array {
  const matrix = features[normalize];
  if (!matrix) throw new Error(`The sweep has no ${normalize} features`);
  const start = { train: 0, val: rows.train, test: rows.train + rows.val }[part];
  return matrix.subarray(start * inputs, (start + rows[part]) * inputs);
}

/** A part's targets, [rows, classes]: a view, not a copy. */
export function partTargets({ targets, classes, rows }: SweepData, part: 'val' | 'test'): Uint8Array {
  const start = part === 'val' ? rows.train : rows.train + rows.val;
  return targets.subarray(start * classes, (start + rows[part]) * classes);
}
