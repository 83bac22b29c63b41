/** What a sweep ends with. */

import type { NormalizationStatistics } from '../dataset/normalize.ts';
import type { RareLabel } from '../dataset/rare-labels.ts';
import type { FeatureTable } from '../dataset/table.ts';
import type { Review } from '../evaluation/diagnose-run.ts';
import type { BestEvaluation } from '../evaluation/evaluate-best.ts';
import type { Metrics, Task } from '../head/config.ts';
import type { HeadSource } from '../head/record.ts';
import type { Split } from '../store/schema.ts';
import type { TrainedHead } from '../training/head-progress.ts';
import type { HeadResult } from '../training/result.ts';
import type { Tensor } from '../weights/safetensors.ts';

/** The chosen head, how good it is, and every other head. */
export interface Training extends Omit<BestEvaluation, 'test'>, Review {
  task: Task;
  classes: string[];
  /** The rows in the order of `probabilities`: training, validation, test, then rows left out of all splits. */
  table: FeatureTable;
  /** What the best head takes. */
  sources: HeadSource[];
  /** Folders of the stores that those come from. */
  stores: readonly string[];
  /** [rows, classes], 0 or 1. */
  targets: Uint8Array;
  splits: (Split | null)[];
  /** One for each head that was trained. */
  runs: readonly HeadResult[];
  /** The head with the best validation value; its result has test metrics where there is a test split. */
  best: TrainedHead;
  /** The weights behind its cut, by `layer/weight`; absent for a head on a frozen backbone. */
  tail?: ReadonlyMap<string, Tensor>;
  /** What the best head's inputs are normalised with, if some head of its source needs statistics. */
  statistics: NormalizationStatistics | undefined;
  /** The best head's predictions, calibrated, [rows, classes]. */
  probabilities: Float32Array;
  /** Of the best heads, by id, where they are watched: metrics on some of their training images after each epoch. */
  trainingCurves: ReadonlyMap<string, Metrics[]>;
  /** Multi-label: labels that too few images have for their scores to mean much. */
  rare: RareLabel[];
  /** The majority baseline of the training rows, on the evaluated images. */
  baseline: Metrics;
  engine: { name: string; version: string };
  /** Features in memory to last head evaluated. */
  seconds: number;
  /** Whether the user stopped it before all heads were trained. */
  interrupted: boolean;
}
