/** First step of training: features and labels from stores into memory. */

import type { Task } from '../head/config.ts';
import { classNameNotes } from '../manifest/class-names.ts';
import type { ManifestOptions } from '../manifest/columns.ts';
import type { Reporter } from '../reporter.ts';
import { readFeatures } from './features.ts';
import { type EncodedLabels, encodeLabels } from './labels.ts';
import { defaultMemory } from './matrix-files.ts';
import { relabel } from './relabel.ts';
import type { SourceRequest } from './source-options.ts';
import type { FeatureTable } from './table.ts';

/** Images, their features and what is to be learned of them. */
export interface LoadedDataset extends EncodedLabels {
  table: FeatureTable;
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

/** What is read. */
export interface LoadOptions {
  /** That compete: each becomes a matrix of its own, of the same rows. */
  sources: readonly SourceRequest[];
  /** Copies of each matrix that there will be, one for each input normalisation. */
  copies: number;
  /** Labels from a manifest instead of the stored ones. */
  labels?: { file: string; manifest: ManifestOptions };
  task: Task | 'auto';
  /** Bytes that features may take in memory; default: see {@link defaultMemory}. */
  maxMemory?: number;
}

/**
 * Reads the stores of all sources, and the labels.
 * @throws InputError for features or labels that cannot be trained on, UsageError for an unknown column
 */
export async function loadDataset(
  { sources, copies, labels, task, maxMemory: maxBytes = defaultMemory() }: LoadOptions,
  reporter: Reporter,
): Promise<LoadedDataset> {
  const stored = await readFeatures(sources, reporter, { maxBytes: maxBytes / copies });
  const neededBytes = stored.matrixBytes * copies;
  const table = labels ? await relabel(stored, labels.file, labels.manifest, reporter) : stored;
  const encoded = encodeLabels(table.labels, task, table.paths);
  for (const note of classNameNotes(encoded.classes)) reporter.warn(note);
  return {
    ...encoded,
    table,
    memory: { maxBytes, neededBytes, isStreamed: neededBytes > maxBytes },
  };
}
