/** Training, validation and test parts: stratified, with an image, its copies and its views always in one part. */
import { InputError, unexpected, usage } from '../../shared/errors.ts';
import type { Task } from '../../shared/head/config.ts';
import { counted, plural } from '../../shared/plural.ts';
import { random } from '../../shared/random.ts';
import { type ContentHashes, hashOf } from './content-hashes.ts';
import { imagesOf } from './images.ts';
import { allRows, rowsWhere } from './row-numbers.ts';
import { type StratifiedItem, stratify } from './stratification.ts';

/** The parts, in the order of `--split 70/15/15`. */
export const PARTS = ['train', 'val', 'test'] as const;
export type Part = (typeof PARTS)[number];

/** Shares of training, validation and test rows, in percent. */
export type SplitRatios = readonly [train: number, val: number, test: number];

export interface SplitRequest {
  /** rows x classes, 0 or 1. */
  targets: Uint8Array;
  rows: number;
  classes: readonly string[];
  task: Task;
  /** What each row belongs to (see kinOf): rows with the same number stay together. */
  groupIds: Int32Array;
  /** The part each row has in the data itself; all null when the data has no split. */
  fixed: readonly (Part | null)[];
  ratios: SplitRatios;
  seed: number;
  /** Whether folds validate: what would be the validation part joins training. */
  folds?: boolean;
  /** Whether each image's part follows from its content alone, so that it stays when others are added. */
  stable?: boolean;
  /** Content hashes of the rows that `groupIds` groups. */
  hashes: ContentHashes;
}

/** Row indices of each part, ascending. */
export interface Split {
  train: Int32Array;
  val: Int32Array;
  /** Empty when the ratios or the data leave no test images. */
  test: Int32Array;
  /** Sentences for the user about what the parts lack. */
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

/** Reads `--split`. */
export function parseSplit(text: string): SplitRatios {
  const numbers = text.split('/').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  return splitRatios(numbers, '--split', text);
}

/**
 * Divides the rows.
 *
 * Without a split in the data, images are drawn by the ratios so that every class keeps its share in every part.
 * With one, it is kept: validation is carved from training where only train and test are named; where only train and
 * val are named there is no test part; where every row is named train the ratios apply. A copy of a test image is
 * left out of training and validation, and a copy of a validation image out of training.
 * @throws InputError when only some rows have a part, when a class has no training row, or when validation is empty
 */
export function splitRows(request: SplitRequest): Split {
  const warnings: string[] = [];
  const parts: (Part | null)[] = [...request.fixed];
  const named = new Set(parts);
  const unnamed = parts.filter((part) => part === null).length;
  if (unnamed > 0 && unnamed < request.rows) {
    throw unexpected(
      'a split for every image',
      "the data's own split",
      `${unnamed} of ${request.rows} without one`,
    );
  }
  if (!named.has('val') && !named.has('test')) {
    carve(request, parts, allRows(request.rows), request.ratios, warnings);
  } else {
    leaveOutCopies(request.groupIds, parts, warnings);
    if (!named.has('val')) {
      const training = rowsWhere(request.rows, (row) => parts[row] === 'train');
      carve(request, parts, training, [request.ratios[0], request.ratios[1], 0], warnings);
    }
    if (!named.has('test')) {
      warnings.push(
        'The data names no test images: heads are measured on the validation images that chose them',
      );
    }
  }
  const [train, val, test] = PARTS.map((part) => rowsWhere(request.rows, (row) => parts[row] === part));
  const split = request.folds
    ? { train: Int32Array.from([...train, ...val]).sort(), val: new Int32Array(), test }
    : { train, val, test };
  checkClasses(request, split, warnings);
  return { ...split, warnings };
}

/** Distributes some rows over the parts with a share above 0, stratified and group by group. */
function carve(
  { targets, classes, task, groupIds, hashes, seed, stable = false }: SplitRequest,
  parts: (Part | null)[],
  rows: Int32Array,
  ratios: SplitRatios,
  warnings: string[],
): void {
  const used = PARTS.filter((_, index) => ratios[index]! > 0);
  const total = ratios.reduce((sum, ratio) => sum + ratio, 0);
  const shares = ratios.filter((ratio) => ratio > 0).map((ratio) => ratio / total);
  const images = imagesOf(targets, classes.length, groupIds, rows);
  const contradicts = ({ labels }: StratifiedItem) => task === 'multiclass' && labels.length > 1;
  const [contradictory, clear] = [true, false].map((wanted) =>
    rowsWhere(images.items.length, (image) => contradicts(images.items[image]) === wanted),
  );
  const place = (image: number, part: Part) => {
    for (const row of images.rowsOf(image)) parts[row] = part;
  };
  if (contradictory.length > 0) {
    for (const image of contradictory) place(image, 'train');
    warnings.push(
      `${counted(contradictory.length, 'image')} ${plural(contradictory.length, 'has', 'have')} copies with another label: used for training only`,
    );
  }
  const items = Array.from(clear, (image) => images.items[image]);
  const assigned = stable
    ? clear.map((image) => stablePart(hashOf(hashes, groupIds[images.rowsOf(image)[0]]), shares, seed))
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

/** The part that an image's group falls into by chance, the same whatever other images there are. */
function stablePart(group: string, shares: readonly number[], seed: number): number {
  const drawn = random(seed, 'stable split', group).uniform();
  let sum = 0;
  const part = shares.findIndex((share) => {
    sum += share;
    return drawn < sum;
  });
  return part < 0 ? shares.length - 1 : part;
}

/** Keeps each image in the last part that names it: training on a test image would make the test meaningless. */
function leaveOutCopies(groupIds: Int32Array, parts: (Part | null)[], warnings: string[]): void {
  const rank = (part: Part | null) => (part ? PARTS.indexOf(part) : -1);
  const last = new Int8Array(groupIds.length).fill(-1);
  parts.forEach((part, row) => {
    last[groupIds[row]] = Math.max(last[groupIds[row]], rank(part));
  });
  let leftOut = 0;
  parts.forEach((part, row) => {
    if (rank(part) === last[groupIds[row]]) return;
    parts[row] = null;
    leftOut++;
  });
  if (leftOut === 0) return;
  warnings.push(
    `${counted(leftOut, 'row')} ${plural(leftOut, 'is a copy', 'are copies')} of images in a later split of the data (train, val, test) and left out`,
  );
}

function checkClasses(
  { targets, classes, rows, folds = false }: SplitRequest,
  split: Omit<Split, 'warnings'>,
  warnings: string[],
): void {
  const lacking = (part: Int32Array) => {
    const seen = new Uint8Array(classes.length);
    for (const row of part) {
      for (let label = 0; label < classes.length; label++)
        seen[label]! |= targets[row * classes.length + label]!;
    }
    return classes.filter((_, label) => seen[label] === 0);
  };
  const untrained = lacking(split.train);
  if (untrained.length > 0) {
    throw new InputError(
      `Expected a training image of every class but received none of ${listed(untrained)}`,
    );
  }
  if (split.val.length === 0 && !folds) {
    throw new InputError(
      `${counted(rows, 'image')} of ${counted(classes.length, 'class', 'classes')} ${plural(rows, 'is', 'are')} too few: no image is left for validation`,
    );
  }
  for (const [name, part] of [
    ['validation', split.val],
    ['test', split.test],
  ] as const) {
    const absent = part.length === 0 ? [] : lacking(part);
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
