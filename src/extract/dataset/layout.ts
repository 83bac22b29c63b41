/** What every layout of a dataset is read into. */
import type { Split } from '../../shared/store/schema.ts';

export interface DatasetImage {
  /** Relative to the root, with forward slashes: what is stored, and what the image is read by. It may be missing. */
  path: string;
  /** Class names, none twice. */
  labels: string[];
  split: Split | null;
  /** What the image belongs to (a patient, a scene), where the data say so. */
  group: string | null;
  /** How much it counts in training, where the data say so. */
  weight?: number;
}

/** Where the bytes of images come from. */
export interface ImageSource {
  /** The bytes behind a path of the dataset. */
  read(path: string): Promise<Buffer>;
  /** The file behind a path, where each image is a file of its own. */
  fileOf?(path: string): string;
  /** The archive that images are read from. */
  archive?: string;
  /** Images that may be meant by a path at which there is none. */
  near?(path: string): Promise<string[]>;
  /** The folder that images were found in by looking, so that a missing one means that something went wrong. */
  folder?: string;
  /** Closes what was opened. */
  close(): Promise<void>;
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

/** A listing whose classes have not been gathered yet. */
export type Images = Omit<Listing, 'classes'>;
