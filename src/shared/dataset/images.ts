/** Rows that must stay together, counted as one image. */
import type { StratifiedItem } from './stratification.ts';

/** Rows that stay together, as images in the order of their first rows. */
export interface Images {
  /** The labels that any row of an image has, and how many rows there are; images of one kind share an object. */
  items: StratifiedItem[];
  rowsOf(image: number): Int32Array;
}

/** @param groupIds the number of each row; rows with the same one are one image (see groupIdsOf) */
export function imagesOf(
  targets: Uint8Array,
  classes: number,
  groupIds: Int32Array,
  rows: Int32Array,
): Images {
  const imageOf = new Int32Array(1 + rows.reduce((last, row) => Math.max(last, groupIds[row]), -1)).fill(-1);
  const sizes = new Int32Array(rows.length);
  let count = 0;
  for (const row of rows) {
    if (imageOf[groupIds[row]] < 0) imageOf[groupIds[row]] = count++;
    sizes[imageOf[groupIds[row]]]++;
  }
  const ends = new Int32Array(count);
  for (let image = 0, end = 0; image < count; image++) {
    ends[image] = end;
    end += sizes[image];
  }
  const members = new Int32Array(rows.length);
  for (const row of rows) members[ends[imageOf[groupIds[row]]]++] = row;
  const rowsOf = (image: number) => members.subarray(ends[image] - sizes[image], ends[image]);

  const kinds = new Map<string, StratifiedItem>();
  const items = Array.from({ length: count }, (_, image) => {
    const labels = labelsOf(targets, classes, rowsOf(image));
    const kind = `${sizes[image]}:${labels}`;
    const existing = kinds.get(kind) ?? { labels, size: sizes[image] };
    kinds.set(kind, existing);
    return existing;
  });
  return { items, rowsOf };
}

/** The labels that any of the rows has, ascending. */
function labelsOf(targets: Uint8Array, classes: number, rows: Int32Array): number[] {
  const labels: number[] = [];
  for (let label = 0; label < classes; label++)
    if (rows.some((row) => targets[row * classes + label] === 1)) labels.push(label);
  return labels;
}
