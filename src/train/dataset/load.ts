/** First step of training: features and labels from stores into memory. */

import { classNameNotes } from '../../shared/manifest/class-names.ts';
import type { Reporter } from '../../shared/reporter.ts';
import { HEAD_OPTIONS } from '../options/head-options.ts';
import type { TrainOptions } from '../options/train-options.ts';
import { readFeatures } from './features.ts';
import { type EncodedLabels, encodeLabels } from './labels.ts';
import { defaultMemory } from './matrix-files.ts';
import { relabel } from './relabel.ts';
import { type SourcedBlock, splitBySource } from './sources.ts';
import type { FeatureTable } from './table.ts';

/** Images, their features and what is to be learned of them. */
export interface LoadedDataset extends EncodedLabels {
  table: FeatureTable;
  /** The grid's blocks, by the source that their heads take. */
  blocks: SourcedBlock[];
  memory: FeatureMemory;
}

/** The memory that features take. */
export interface FeatureMemory {
  /** Bytes that they may take. */
  maxBytes: number;
  /** Bytes of all matrices, one for each source and input normalisation. */
  neededBytes: number;
  /** Whether they do not fit, so that heads read them from disk in blocks. */
  isStreamed: boolean;
}

/**
 * Reads the stores of all sources, and the labels.
 * @throws InputError for features or labels that cannot be trained on, UsageError for an unknown column
 */
export async function loadDataset(
  { grid = [{}], source, head, labels, task, maxMemory: maxBytes = defaultMemory() }: TrainOptions,
  reporter: Reporter,
): Promise<LoadedDataset> {
  const { sources, blocks } = splitBySource(grid, source);
  const matrices = normalizationCount(blocks, head);
  const stored = await readFeatures(sources, reporter, { maxBytes: maxBytes / matrices });
  const neededBytes = stored.matrixBytes * matrices;
  const table = labels ? await relabel(stored, labels.file, labels.manifest, reporter) : stored;
  const encoded = encodeLabels(table.labels, task, table.paths);
  for (const note of classNameNotes(encoded.classes)) reporter.warn(note);
  return {
    ...encoded,
    table,
    blocks,
    memory: { maxBytes, neededBytes, isStreamed: neededBytes > maxBytes },
  };
}

/** Input normalisations that heads may ask for: each source has a matrix for every one. */
function normalizationCount(
  blocks: readonly SourcedBlock[],
  { normalize = HEAD_OPTIONS.normalize.initial }: TrainOptions['head'],
): number {
  return new Set(blocks.flatMap(({ block }) => block.normalize ?? [normalize])).size;
}
