/** Labels that too few images have for their scores to mean much: named, since means over labels hide them. */
import type { Part } from '../dataset/splits.ts';

/** Images of a label in a part below which its scores there say little. */
const FEW = 5;

/** How many images of each part have a label. */
export interface RareLabel {
  name: string;
  train: number;
  val: number;
  test: number;
}

/**
 * Labels that fewer than 5 images have in some part that has images, the rarest first.
 * @param targets rows x classes
 * @param parts the part of each row; null for rows in none
 */
export function rareLabels(
  targets: Uint8Array,
  names: readonly string[],
  parts: readonly (Part | null)[],
): RareLabel[] {
  const used = (['train', 'val', 'test'] as const).filter((part) => parts.includes(part));
  const counts = names.map((name): RareLabel => ({ name, train: 0, val: 0, test: 0 }));
  for (const [row, part] of parts.entries()) {
    if (part === null) continue;
    for (const [label, count] of counts.entries()) count[part] += targets[row * names.length + label];
  }
  const images = ({ train, val, test }: RareLabel) => train + val + test;
  return counts
    .filter((count) => used.some((part) => count[part] < FEW))
    .sort((a, b) => images(a) - images(b));
}
