/** Which rows train, validate and test: images are divided, and the views of those that train join them. */
import { selectTargets } from './labels.ts';
import { type Kinship, kinOf } from './leakage.ts';
import { foldRows, PARTS, type Part, type SplitRatios, type SplitRequest, splitRows } from './splits.ts';

/** What is divided; every array has one entry a row. */
export interface Divisible extends Kinship {
  paths: readonly string[];
  /** The part each row has in the data itself; null for none. */
  splits: readonly (Part | null)[];
  /** 0: the image itself. */
  views: Int16Array;
}

export interface DivideOptions
  extends Pick<SplitRequest, 'targets' | 'classes' | 'task' | 'seed' | 'stable'> {
  ratios: SplitRatios;
  /** Of cross-validation; 0: none. */
  folds: number;
  /** See kinOf. */
  nearDuplicates?: number;
}

export interface Divided {
  /**
   * Rows part by part: training, validation, test, then images of no part. Views are in the training part only, in
   * the order they have in the table; other views are left out.
   */
  order: Int32Array;
  /** The part of each row of `order`. */
  parts: (Part | null)[];
  rows: Record<Part, number>;
  /** Images among `rows`, and views among the training rows. */
  images: Record<Part, number>;
  views: number;
  /** With folds, the fold of each training row: a view's is its image's. -1: every fold trains on it. */
  foldOf: Int32Array;
  warnings: string[];
}

/** Divides the images as splits.ts says, whatever the number of their views. */
export function divide(
  table: Divisible,
  { targets, classes, task, seed, stable, ratios, folds, nearDuplicates }: DivideOptions,
): Divided {
  const { views } = table;
  const images = Int32Array.from(views.keys()).filter((row) => views[row] === 0);
  const of = <T>(values: readonly T[]): T[] => Array.from(images, (row) => values[row]);
  const groups = kinOf(
    { hashes: of(table.hashes), groups: of(table.groups), phashes: of(table.phashes) },
    nearDuplicates,
  );
  const own = selectTargets(targets, classes.length, images);
  const split = splitRows({
    ...{ targets: own, rows: images.length, classes, task, groups, ratios, seed, stable },
    fixed: of(table.splits),
    folds: folds > 0,
  });
  const folded = foldRows(
    {
      targets: selectTargets(own, classes.length, split.train),
      groups: Array.from(split.train, (image) => groups[image]),
      ...{ classes, task, seed },
    },
    folds,
  );

  const fold = new Map(Array.from(split.train, (image, i) => [images[image], folded.foldOf[i]]));
  const owners = ownersOf(table);
  const train = Int32Array.from(views.keys()).filter((row) => fold.has(owners[row]));
  const rowsOf = { ...split, train, val: split.val.map((image) => images[image]) };
  rowsOf.test = split.test.map((image) => images[image]);
  const placed = new Set(PARTS.flatMap((part) => [...rowsOf[part]]));
  const leftOut = images.filter((row) => !placed.has(row));
  return {
    order: Int32Array.from([...train, ...rowsOf.val, ...rowsOf.test, ...leftOut]),
    parts: [
      ...PARTS.flatMap((part) => Array.from(rowsOf[part], () => part)),
      ...Array.from(leftOut, () => null),
    ],
    rows: { train: train.length, val: split.val.length, test: split.test.length },
    images: { train: split.train.length, val: split.val.length, test: split.test.length },
    views: train.length - split.train.length,
    foldOf: train.map((row) => fold.get(owners[row])!),
    warnings: [...split.warnings, ...folded.warnings],
  };
}

/** The part of each image of a divided table; null for what is a view. */
export function imageParts(
  parts: readonly (Part | null)[],
  { views }: Pick<Divisible, 'views'>,
): (Part | null)[] {
  return parts.map((part, row) => (views[row] === 0 ? part : null));
}

/** The row of the image that each row is a view of, or is; -1 where its image is not there. */
function ownersOf({ paths, hashes, views }: Pick<Divisible, 'paths' | 'hashes' | 'views'>): Int32Array {
  // A path alone may name several images in stores that were joined.
  const keyOf = (row: number) => `${hashes[row]} ${paths[row]}`;
  const images = new Map<string, number>();
  for (const [row, view] of views.entries()) if (view === 0) images.set(keyOf(row), row);
  return Int32Array.from(views, (view, row) => (view === 0 ? row : (images.get(keyOf(row)) ?? -1)));
}
