/** Which rows train, validate and test: images are divided, and the views of those that train join them. */
import { SPLITS, type Split } from '../../shared/store/schema.ts';
import { hashOf, pickHashes } from './content-hashes.ts';
import { selectTargets } from './labels.ts';
import { type Grouping, groupIdsOf } from './leakage.ts';
import { allRows, rowsWhere } from './row-numbers.ts';
import { foldRows, type SplitRatios, type SplitRequest, splitRows } from './splits.ts';

/** What is divided; every array has one entry a row. */
export interface Divisible extends Grouping {
  paths: readonly string[];
  /** The split that the data give each row; null for none. */
  splits: readonly (Split | null)[];
  /** 0: the image itself. */
  views: Int16Array;
}

export interface DivideOptions
  extends Pick<SplitRequest, 'targets' | 'classes' | 'task' | 'seed' | 'stable'> {
  ratios: SplitRatios;
  /** Of cross-validation; 0: none. */
  folds: number;
  /** See groupIdsOf. */
  nearDuplicates?: number;
}

export interface Divided {
  /**
   * Rows split by split: training, validation, test, then images of no split. Views are in the training split only, in
   * the order they have in the table; other views are left out.
   */
  order: Int32Array;
  /** The split of each row of `order`. */
  splits: (Split | null)[];
  rows: Record<Split, number>;
  /** Images among `rows`, and views among the training rows. */
  images: Record<Split, number>;
  views: number;
  /** With folds, the fold of each training row: a view's is its image's. -1: every fold trains on it. */
  foldOf: Int32Array;
  warnings: string[];
}

/** Divides the images as splits.ts says, whatever the number of their views. */
export function divide(table: Divisible, options: DivideOptions): Divided {
  const { views } = table;
  const images = rowsWhere(views.length, (row) => views[row] === 0);
  const { assignment, folded } = divideImages(table, images, options);
  const fold = new Int32Array(views.length).fill(NOT_TRAINED);
  for (const [i, image] of assignment.train.entries()) fold[images[image]] = folded.foldOf[i];
  const owners = ownersOf(table);
  const trains = (row: number) => owners[row] >= 0 && fold[owners[row]] !== NOT_TRAINED;
  const train = rowsWhere(views.length, trains);
  const [val, test] = [assignment.val, assignment.test].map((rows) => rows.map((image) => images[image]));
  return {
    ...splitBySplit(images, [train, val, test], views.length),
    rows: { train: train.length, val: val.length, test: test.length },
    images: { train: assignment.train.length, val: val.length, test: test.length },
    views: train.length - assignment.train.length,
    foldOf: train.map((row) => fold[owners[row]]),
    warnings: [...assignment.warnings, ...folded.warnings],
  };
}

/** The splits of the images alone, by their places among them, and the folds of those that train. */
function divideImages(
  table: Divisible,
  images: Int32Array,
  { targets, classes, task, seed, stable, ratios, folds, nearDuplicates }: DivideOptions,
) {
  const of = <T>(values: readonly T[]): T[] => Array.from(images, (row) => values[row]);
  const hashes = pickHashes(table.hashes, images);
  const groupIds = groupIdsOf(
    { hashes, groups: of(table.groups), phashes: of(table.phashes) },
    nearDuplicates,
  );
  const own = selectTargets(targets, classes.length, images);
  const assignment = splitRows({
    targets: own,
    rows: images.length,
    classes,
    task,
    groupIds,
    hashes,
    ratios,
    seed,
    stable,
    fixed: of(table.splits),
    folds: folds > 0,
  });
  const folded = foldRows(
    {
      targets: selectTargets(own, classes.length, assignment.train),
      groupIds: assignment.train.map((image) => groupIds[image]),
      classes,
      task,
      seed,
    },
    folds,
  );
  return { assignment, folded };
}

/** The rows of training, validation and test one behind the other, then images that are in none of them. */
function splitBySplit(
  images: Int32Array,
  rowsOfSplits: readonly Int32Array[],
  rowCount: number,
): Pick<Divided, 'order' | 'splits'> {
  const placed = new Uint8Array(rowCount);
  for (const rows of rowsOfSplits) for (const row of rows) placed[row] = 1;
  const blocks = [...rowsOfSplits, images.filter((row) => placed[row] === 0)];
  const order = new Int32Array(blocks.reduce((sum, rows) => sum + rows.length, 0));
  const splits = new Array<Split | null>(order.length).fill(null);
  let next = 0;
  for (const [index, rows] of blocks.entries()) {
    order.set(rows, next);
    splits.fill(SPLITS[index] ?? null, next, next + rows.length);
    next += rows.length;
  }
  return { order, splits };
}

/** No fold; one that trains has one from 0, or EVERY_FOLD. */
const NOT_TRAINED = -2;

/** The split of each image of a divided table; null for what is a view. */
export function imageSplits(
  splits: readonly (Split | null)[],
  { views }: Pick<Divisible, 'views'>,
): (Split | null)[] {
  return splits.map((split, row) => (views[row] === 0 ? split : null));
}

/** The row of the image that each row is a view of, or is; -1 where its image is not there. */
function ownersOf({ paths, hashes, views }: Pick<Divisible, 'paths' | 'hashes' | 'views'>): Int32Array {
  if (views.every((view) => view === 0)) return allRows(views.length);
  // A path alone may name several images in stores that were joined.
  const keyOf = (row: number) => `${hashOf(hashes, row)} ${paths[row]}`;
  const images = new Map<string, number>();
  for (const [row, view] of views.entries()) if (view === 0) images.set(keyOf(row), row);
  return Int32Array.from(views, (view, row) => (view === 0 ? row : (images.get(keyOf(row)) ?? -1)));
}
