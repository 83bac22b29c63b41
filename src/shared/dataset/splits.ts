/** Training, validation and test splits: stratified, with an image, its copies and its views always in one split. */
import { InputError, unexpected, usage } from '../errors.ts';
import type { Task } from '../head/config.ts';
import { counted, plural } from '../plural.ts';
import { random } from '../random.ts';
import { SPLITS, type Split } from '../store/schema.ts';
import { byCheck, type ValueKind } from '../values.ts';
import { type ContentHashes, hashOf } from './content-hashes.ts';
import { imagesOf } from './images.ts';
import { allRows, rowsWhere } from './row-numbers.ts';
import { type StratifiedItem, stratify } from './stratification.ts';

/** Shares of training, validation and test rows, in percent. */
export type SplitRatios = readonly [train: number, val: number, test: number];

export interface SplitRequest {
  /** rows x classes, 0 or 1. */
  targets: Uint8Array;
  rows: number;
  classes: readonly string[];
  task: Task;
  /** What each row belongs to (see groupIdsOf): rows with the same number stay together. */
  groupIds: Int32Array;
  /** The split that the data give each row; all null when they give none. */
  fixed: readonly (Split | null)[];
  ratios: SplitRatios;
  seed: number;
  /** Whether folds validate: what would be the validation split joins training. */
  folds?: boolean;
  /** Whether each image's split follows from its content alone, so that it stays when others are added. */
  stable?: boolean;
  /** Content hashes of the rows that `groupIds` groups. */
  hashes: ContentHashes;
}

/** Row indices of each split, ascending. */
export interface SplitAssignment {
  train: Int32Array;
  val: Int32Array;
  /** Empty when the ratios or the data leave no test images. */
  test: Int32Array;
  /** Sentences for the user about what the splits lack. */
  warnings: string[];
}

/** What is not said. */
export const DEFAULT_SPLIT: SplitRatios = [70, 15, 15];

/**
 * Percentages that add up to 100, or shares that add up to 1, as percentages. Training and validation need a share
 * (validation chooses the best epoch); test may be 0.
 * @param received what was written, for the message
 * @throws UsageError for anything else
 */
export function splitRatios(numbers: readonly unknown[], where: string, received: unknown): SplitRatios {
  const [train, val, test] = numbers.map((value) => (typeof value === 'number' ? value : Number.NaN));
  const sum = train + val + test;
  const whole = Math.abs(sum - 1) < 1e-9 ? 1 : 100;
  const valid = numbers.length === 3 && train > 0 && val > 0 && test >= 0 && Math.abs(sum - whole) < 1e-6;
  if (!valid) throw usage('three percentages that add up to 100, like 70/15/15,', where, received);
  return [(train / whole) * 100, (val / whole) * 100, (test / whole) * 100];
}

/** Written as 70/15/15. */
export const splitKind: ValueKind<SplitRatios> = {
  parse(text, where) {
    const numbers = text.split('/').map((share) => (share.trim() === '' ? Number.NaN : Number(share)));
    return splitRatios(numbers, where, text);
  },
  format: (ratios) => ratios.join('/'),
  what: 'three percentages',
  ...byCheck((value, where) => splitRatios(Array.isArray(value) ? value : [], where, value)),
};

/**
 * Divides the rows.
 *
 * Without a split in the data, images are drawn by the ratios so that every class keeps its share in every split.
 * With one, it is kept: validation is carved from training where only train and test are named; where only train and
 * val are named there is no test split; where every row is named train the ratios apply. A copy of a test image is
 * left out of training and validation, and a copy of a validation image out of training.
 * @throws InputError when only some rows have a split, when a class has no training row, or when validation is empty
 */
export function splitRows(request: SplitRequest): SplitAssignment {
  const warnings: string[] = [];
  const splits: (Split | null)[] = [...request.fixed];
  const named = new Set(splits);
  const unnamed = splits.filter((split) => split === null).length;
  if (unnamed > 0 && unnamed < request.rows) {
    throw unexpected(
      'a split for every image',
      "the data's own split",
      `${unnamed} of ${request.rows} without one`,
    );
  }
  if (!named.has('val') && !named.has('test')) {
    carve(request, splits, allRows(request.rows), request.ratios, warnings);
  } else {
    leaveOutCopies(request.groupIds, splits, warnings);
    if (!named.has('val')) {
      const training = rowsWhere(request.rows, (row) => splits[row] === 'train');
      carve(request, splits, training, [request.ratios[0], request.ratios[1], 0], warnings);
    }
    if (!named.has('test')) {
      warnings.push(
        'The data names no test images: heads are measured on the validation images that chose them',
      );
    }
  }
  const [train, val, test] = SPLITS.map((split) => rowsWhere(request.rows, (row) => splits[row] === split));
  const assignment = request.folds
    ? { train: Int32Array.from([...train, ...val]).sort(), val: new Int32Array(), test }
    : { train, val, test };
  checkClasses(request, assignment, warnings);
  return { ...assignment, warnings };
}

/** Distributes some rows over the splits with a share above 0, stratified and group by group. */
function carve(
  { targets, classes, task, groupIds, hashes, seed, stable = false }: SplitRequest,
  splits: (Split | null)[],
  rows: Int32Array,
  ratios: SplitRatios,
  warnings: string[],
): void {
  const used = SPLITS.filter((_, index) => ratios[index] > 0);
  const total = ratios.reduce((sum, ratio) => sum + ratio, 0);
  const shares = ratios.filter((ratio) => ratio > 0).map((ratio) => ratio / total);
  const images = imagesOf(targets, classes.length, groupIds, rows);
  const contradicts = ({ labels }: StratifiedItem) => task === 'multiclass' && labels.length > 1;
  const [contradictory, clear] = [true, false].map((wanted) =>
    rowsWhere(images.items.length, (image) => contradicts(images.items[image]) === wanted),
  );
  const place = (image: number, split: Split) => {
    for (const row of images.rowsOf(image)) splits[row] = split;
  };
  if (contradictory.length > 0) {
    for (const image of contradictory) place(image, 'train');
    warnings.push(
      `${counted(contradictory.length, 'image')} ${plural(contradictory.length, 'has', 'have')} copies with another label: used for training only`,
    );
  }
  const items = Array.from(clear, (image) => images.items[image]);
  const assigned = stable
    ? clear.map((image) => stableSplit(hashOf(hashes, groupIds[images.rowsOf(image)[0]]), shares, seed))
    : stratify(items, classes.length, shares, random(seed, 'split'));
  for (const [index, image] of clear.entries()) place(image, used[assigned[index]]);
}

/** The fold of a row that every fold trains on. */
const EVERY_FOLD = -1;

/**
 * Divides rows into `folds` of about equal size, stratified, with an image, its copies and its views in one fold.
 * An image whose copies contradict each other, or which alone has some label, belongs to {@link EVERY_FOLD}.
 * @param folds 0 for none
 * @returns the fold of each row, from 0
 * @throws InputError when there are fewer images than folds
 */
export function foldRows(
  {
    targets,
    classes,
    task,
    groupIds,
    seed,
  }: Pick<SplitRequest, 'targets' | 'classes' | 'task' | 'groupIds' | 'seed'>,
  folds: number,
): { foldOf: Int32Array; warnings: string[] } {
  const foldOf = new Int32Array(groupIds.length).fill(EVERY_FOLD);
  if (folds === 0) return { foldOf, warnings: [] };
  const images = imagesOf(targets, classes.length, groupIds, allRows(groupIds.length));
  const imagesWith = new Int32Array(classes.length);
  for (const { labels } of images.items) for (const label of labels) imagesWith[label]++;
  const validates = ({ labels }: StratifiedItem) =>
    (task === 'multilabel' || labels.length === 1) && labels.every((label) => imagesWith[label] > 1);
  const divided = rowsWhere(images.items.length, (image) => validates(images.items[image]));
  if (divided.length < folds) throw unexpected(`at least ${folds} images`, '--folds', divided.length);
  const items = Array.from(divided, (image) => images.items[image]);
  const shares = Array.from({ length: folds }, () => 1 / folds);
  const assigned = stratify(items, classes.length, shares, random(seed, 'folds'), { first: false });
  for (const [index, image] of divided.entries())
    for (const row of images.rowsOf(image)) foldOf[row] = assigned[index];
  const few = classes.filter((_, label) => imagesWith[label] < folds);
  const warnings =
    few.length > 0 ? [`Fewer images than folds of ${listed(few)}: not every fold can measure them`] : [];
  return { foldOf, warnings };
}

/** The split that an image's group falls into by chance, the same whatever other images there are. */
function stableSplit(group: string, shares: readonly number[], seed: number): number {
  const drawn = random(seed, 'stable split', group).uniform();
  let sum = 0;
  const split = shares.findIndex((share) => {
    sum += share;
    return drawn < sum;
  });
  return split < 0 ? shares.length - 1 : split;
}

/** Keeps each image in the last split that names it: training on a test image would make the test meaningless. */
function leaveOutCopies(groupIds: Int32Array, splits: (Split | null)[], warnings: string[]): void {
  const rank = (split: Split | null) => (split ? SPLITS.indexOf(split) : -1);
  const last = new Int8Array(groupIds.length).fill(-1);
  splits.forEach((split, row) => {
    last[groupIds[row]] = Math.max(last[groupIds[row]], rank(split));
  });
  let leftOut = 0;
  splits.forEach((split, row) => {
    if (rank(split) === last[groupIds[row]]) return;
    splits[row] = null;
    leftOut++;
  });
  if (leftOut === 0) return;
  warnings.push(
    `${counted(leftOut, 'row')} ${plural(leftOut, 'is a copy', 'are copies')} of images in a later split of the data (train, val, test) and left out`,
  );
}

function checkClasses(
  { targets, classes, rows, folds = false }: SplitRequest,
  assignment: Omit<SplitAssignment, 'warnings'>,
  warnings: string[],
): void {
  const lacking = (rows: Int32Array) => {
    const seen = new Uint8Array(classes.length);
    for (const row of rows) {
      for (let label = 0; label < classes.length; label++)
        seen[label] |= targets[row * classes.length + label];
    }
    return classes.filter((_, label) => seen[label] === 0);
  };
  const untrained = lacking(assignment.train);
  if (untrained.length > 0) {
    throw new InputError(
      `Expected a training image of every class but received none of ${listed(untrained)}`,
    );
  }
  if (assignment.val.length === 0 && !folds) {
    throw new InputError(
      `${counted(rows, 'image')} of ${counted(classes.length, 'class', 'classes')} ${plural(rows, 'is', 'are')} too few: no image is left for validation`,
    );
  }
  for (const [name, rows] of [
    ['validation', assignment.val],
    ['test', assignment.test],
  ] as const) {
    const absent = rows.length === 0 ? [] : lacking(rows);
    if (absent.length > 0) {
      warnings.push(
        `No ${name} image of ${listed(absent)}: the ${name} scores leave out what they cannot measure`,
      );
    }
  }
}

/** Class names for a sentence, the first ten of them. */
function listed(names: readonly string[]): string {
  const first = names.slice(0, 10).map((name) => JSON.stringify(name));
  return names.length > 10 ? `${first.join(', ')} and ${names.length - 10} more` : first.join(', ');
}
