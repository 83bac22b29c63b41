/** How the views in feature stores were made, which must be alike in all that are joined. */
import type { Augmentation } from '../augment/augmentation.ts';
import { unexpected } from '../errors.ts';
import type { FeatureStore } from '../store/reader.ts';

/**
 * The augmentation of a table's rows; null where there are only images themselves.
 * @param stores that the rows have features of
 * @throws InputError where stores have views that were made in different ways
 */
export function augmentationOf(
  stores: readonly Pick<FeatureStore, 'dir' | 'manifest'>[],
  views: Int16Array,
): Augmentation | null {
  const max = views.reduce((largest, view) => Math.max(largest, view), 0);
  if (max === 0) return null;
  const [{ manifest }, ...others] = stores;
  const kind = manifest.augment;
  for (const { dir, manifest: other } of others) {
    if (other.augment !== kind) throw unexpected(`views made by ${kind}`, dir, other.augment);
  }
  // Views of a store that does not say how they were made serve training; predict cannot draw them again.
  return kind === null ? null : { views: max, kind };
}
