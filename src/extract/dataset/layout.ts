/** What every layout of a dataset is read into. */
import type { Split } from '../../shared/store/schema.ts';

/** Names of parts, as folders and in manifests (lower case). */
export const SPLIT_NAMES: ReadonlyMap<string, Split> = new Map([
  ['train', 'train'],
  ['val', 'val'],
  ['validation', 'val'],
  ['test', 'test'],
]);

export interface DatasetImage {
  /** Relative to the root, with forward slashes: what is stored. */
  path: string;
  /** The file to read, absolute. It may be missing: that shows when it is read. */
  file: string;
  /** Class names, none twice. */
  labels: string[];
  split: Split | null;
}

/** What a layout says about a dataset. */
export interface Listing {
  /** In the order their features are stored in. */
  images: DatasetImage[];
  /** Every class with an image, in code-unit order. */
  classes: string[];
  /** Things the user may not have meant, one sentence each. */
  notes: string[];
}
