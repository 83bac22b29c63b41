/** The options of a sweep. */

import type { SourceRequest } from '../../shared/dataset/source-options.ts';
import type { SplitRatios } from '../../shared/dataset/splits.ts';
import type { Task } from '../../shared/head/config.ts';
import type { HeadRequest } from '../../shared/head/options.ts';
import type { ManifestOptions } from '../../shared/manifest/columns.ts';
import type { Grid } from './grid.ts';

export interface TrainOptions {
  /** What heads are trained on unless the grid says otherwise. */
  source: SourceRequest;
  /** Labels from a manifest instead of the stored ones. */
  labels?: { file: string; manifest: ManifestOptions };
  /** Bits in which the perceptual hashes of near copies, which stay in one split, differ at most. */
  nearDuplicates?: number;
  /** Whether an image's split follows from its content alone. */
  stableSplit?: boolean;
  task: Task | 'auto';
  /** Options that every head has unless the grid says otherwise. */
  head: Partial<HeadRequest>;
  /** Without one, a single head is trained. */
  grid?: Grid;
  /** Draws so many heads from the grid and its ranges, or from a default space, instead of training all. */
  random?: number;
  /** Seeds of each head, counted up from its own; default: 1. */
  seeds?: number;
  /** Successive halving: this share of the heads, its inverse, goes on at each rung; default: all train to their end. */
  halving?: number;
  /** Folds of cross-validation; default: none, one validation split. */
  folds?: number;
  split: SplitRatios;
  engine: string;
  workers: number;
  /** Bytes that features may take in memory; larger ones are read from disk in blocks. Default: see {@link defaultMemory}. */
  maxMemory?: number;
}
