/** Second step of training: which images train, validate and test. */

import { unexpected, usage } from '../errors.ts';
import type { Reporter } from '../reporter.ts';
import { type Divided, divide, imageSplits } from './divide.ts';
import type { LoadedDataset } from './load.ts';
import { shuffledTraining } from './matrix-files.ts';
import { type RawData, sharedTargets, sharedWeights } from './prepare.ts';
import { type RareLabel, rareLabels } from './rare-labels.ts';
import type { SplitRatios } from './splits.ts';
import { type FeatureTable, reorderRows } from './table.ts';

/** A dataset whose rows lie split by split: training, validation, test, then rows of none. */
export interface SplitDataset extends Omit<LoadedDataset, 'targets'> {
  /** Targets and weights of the rows, as sweeps read them. */
  raw: RawData;
  division: Divided;
  /** Multi-label: labels that too few images have for their scores to mean much. */
  rare: RareLabel[];
}

/** How images are divided. */
export interface SplitOptions {
  split: SplitRatios;
  /** Folds of cross-validation; default: none, one validation split. */
  folds?: number;
  /** Bits in which the perceptual hashes of near copies, which stay in one split, differ at most. */
  nearDuplicates?: number;
  /** Whether an image's split follows from its content alone. */
  stableSplit?: boolean;
  /** Default: 0. */
  seed?: number;
}

/**
 * Divides the images by content and puts the rows in order. The result takes over the memory of the dataset's matrices.
 * @throws InputError for splits that cannot be made, UsageError for folds of features that do not fit into memory
 */
export function splitDataset(
  { table, targets, ...dataset }: LoadedDataset,
  { split: ratios, folds = 0, nearDuplicates, stableSplit: stable, seed = 0 }: SplitOptions,
  reporter: Reporter,
): SplitDataset {
  const { task, classes, memory } = dataset;
  const request = { targets, classes, task, ratios, folds, nearDuplicates, stable, seed };
  const division = divide(table, request);
  for (const warning of division.warnings) reporter.warn(warning);
  if (memory.isStreamed && folds > 0) throw usage('features that fit into --max-memory', '--folds', folds);
  const { rows, splits } = division;
  const order = memory.isStreamed ? shuffledTraining(division.order, rows.train, seed) : division.order;
  const ordered = reorderRows(table, order);
  const raw = {
    task,
    classes: classes.length,
    targets: sharedTargets(targets, classes.length, order),
    weights: trainingWeights(ordered, rows.train),
  };
  const rare = task === 'multilabel' ? rareLabels(raw.targets, classes, imageSplits(splits, ordered)) : [];
  if (rare.length > 0) reporter.warn(`Scores are unreliable for labels with few images: ${named(rare)}`);
  return { ...dataset, table: ordered, raw, division, rare };
}

/** @throws InputError when nothing would be learned from */
function trainingWeights({ weights }: FeatureTable, train: number): Float32Array | undefined {
  if (!weights) return undefined;
  if (weights.slice(0, train).every((weight) => weight === 0))
    throw unexpected('a training image with a weight above 0', 'the sample weights', 0);
  return sharedWeights(weights);
}

/** Rare labels for a sentence, the first ten of them. */
function named(rare: readonly RareLabel[]): string {
  const first = rare
    .slice(0, 10)
    .map(
      ({ name, train, val, test }) =>
        `${JSON.stringify(name)} (${train} training, ${val} validation, ${test} test)`,
    );
  return rare.length > 10 ? `${first.join(', ')} and ${rare.length - 10} more` : first.join(', ');
}
