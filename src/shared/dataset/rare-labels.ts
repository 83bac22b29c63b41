/** Labels that too few images have for their scores to mean much: named, since means over labels hide them. */
import { SPLITS, type Split } from '../store/schema.ts';

/** Images of a label in a split below which its scores there say little. */
const FEW = 5;

/** How many images of each split have a label. */
export interface RareLabel {
  name: string;
  train: number;
  val: number;
  test: number;
}

/**
 * Labels that fewer than 5 images have in some split that has images, the rarest first.
 * @param targets rows x classes
 * @param splits the split of each row; null for rows in none
 */
export function rareLabels(
  targets: Uint8Array,
  names: readonly string[],
  splits: readonly (Split | null)[],
): RareLabel[] {
  const used = SPLITS.filter((split) => splits.includes(split));
  const counts = names.map((name): RareLabel => ({ name, train: 0, val: 0, test: 0 }));
  for (const [row, split] of splits.entries()) {
    if (split === null) continue;
    for (const [label, count] of counts.entries()) count[split] += targets[row * names.length + label];
  }
  const images = ({ train, val, test }: RareLabel) => train + val + test;
  return counts
    .filter((count) => used.some((split) => count[split] < FEW))
    .sort((a, b) => images(a) - images(b));
}
