/** Where cached activations are: plain data, from which any thread opens a reader. */
import type { FeatureColumn } from '../schema.ts';

/** Types that activations are stored in; int8 has a scale for each row and channel. */
export const ACTIVATION_DTYPES = ['float16', 'float32', 'int8'] as const;
export type ActivationDtype = (typeof ACTIVATION_DTYPES)[number];

/** What each row holds. */
export interface ActivationLayout {
  /** Height, width and channels of the activation of one image. */
  readonly shape: readonly number[];
  readonly dtype: ActivationDtype;
  /** Features that are computed before the cut, float32. */
  readonly columns: readonly FeatureColumn[];
}

/** What {@link openActivations} takes, also in another thread. Row numbers run through the parts in their order. */
export interface ActivationsRequest extends ActivationLayout {
  readonly parts: readonly ActivationPart[];
  /** SHA-256 of each row's image file, [rows, 32] bytes in shared memory. */
  readonly sha256: Uint8Array<SharedArrayBuffer>;
  /** The view that each row is of, in shared memory; 0: the image itself. */
  readonly views: Int16Array<SharedArrayBuffer>;
}

/** Rows one behind the other: in shared memory, or in a file whose checksum was compared. */
export interface ActivationPart {
  readonly rows: number;
  readonly bytes: SharedArrayBuffer | VerifiedFile;
  /** Where the rows of each kind begin in `bytes`. */
  readonly offsets: PartOffsets;
}

export interface PartOffsets {
  readonly activation: number;
  /** [rows, channels] of float16; 0 where activations have no scale. */
  readonly scale: number;
  /** In the order of the layout's columns. */
  readonly columns: readonly number[];
}

/** A file as it was when its checksum was compared: one that has changed since is refused. */
export interface VerifiedFile {
  readonly path: string;
  readonly size: number;
  readonly mtimeMs: number;
  readonly ino: number;
}

/** Numbers of one activation. */
export function activationLength({ shape }: Pick<ActivationLayout, 'shape'>): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** Bytes of a number in a part. */
export const ACTIVATION_BYTES: Readonly<Record<ActivationDtype, number>> = {
  float16: 2,
  float32: 4,
  int8: 1,
};
