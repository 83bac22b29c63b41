/** What tails are trained on. */
import type { LabelledRows } from '../../shared/dataset/data.ts';
import type { Task } from '../../shared/head/config.ts';
import type { ActivationsRequest } from '../../shared/store/activations/request.ts';

/** Rows of one split, views of images included. */
export interface TailRows {
  /** The row of the activations. */
  readonly cache: Int32Array;
  /** The row of targets and weights. */
  readonly image: Int32Array;
}

export interface TailData {
  readonly task: Task;
  readonly classes: number;
  /** [images, classes], 0 or 1. */
  readonly targets: Uint8Array;
  /** How much each image counts in training, [images]; absent where all count once. */
  readonly weights?: Float32Array;
  readonly rows: { readonly train: TailRows; readonly val: TailRows };
  readonly activations: ActivationsRequest;
}

/** Targets and weights of each row: first those that are trained on, then those of validation. */
export function labelledRows({
  task,
  classes,
  targets,
  weights,
  rows: { train, val },
}: TailData): LabelledRows {
  const images = Int32Array.from([...train.image, ...val.image]);
  const ofRows = new Uint8Array(images.length * classes);
  for (const [row, image] of images.entries())
    ofRows.set(targets.subarray(image * classes, (image + 1) * classes), row * classes);
  return {
    task,
    classes,
    rows: { train: train.image.length, val: val.image.length, test: 0 },
    targets: ofRows,
    ...(weights && { weights: Float32Array.from(images, (image) => weights[image]) }),
  };
}
