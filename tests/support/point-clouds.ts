/** Overlapping clouds of points, one for each class, and the stacks that tests train on them. */

import type { TrainingData } from '../../src/shared/dataset/data.ts';
import { random } from '../../src/shared/random.ts';

/** Shared memory, as a sweep's workers get it. */
export function clouds(
  rows: TrainingData['rows'],
  { inputs = 40, classes = 3, apart = 0.6 }: { inputs?: number; classes?: number; apart?: number } = {},
): TrainingData {
  const all = rows.train + rows.val + rows.test;
  const stream = random(5, 'clouds');
  const features = new Float32Array(new SharedArrayBuffer(all * inputs * 4));
  const targets = new Uint8Array(new SharedArrayBuffer(all * classes));
  for (let row = 0; row < all; row++) {
    const label = row % classes;
    targets[row * classes + label] = 1;
    for (let i = 0; i < inputs; i++)
      features[row * inputs + i] = stream.normal() + (i % classes === label ? apart : 0);
  }
  return { task: 'multiclass', inputs, classes, rows, features: { none: features }, targets };
}
