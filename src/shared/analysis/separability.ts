/** What the features alone tell of the labels, whatever head was trained: two probes, doubtful labels, and a map. */

import { type ContentHashes, firstWithHash } from '../dataset/content-hashes.ts';
import { selectTargets } from '../dataset/labels.ts';
import { rowsWhere, spreadRows } from '../dataset/row-numbers.ts';
import type { FeatureRows } from '../dataset/rows.ts';
import type { Task } from '../head/config.ts';
import { meanDefined } from '../metrics/counts.ts';
import { rankClass } from '../metrics/ranking.ts';
import { type Directions, directionsOf, principalComponents, project } from './components.ts';
import { neighbourVotes } from './neighbours.ts';
import { leaveOneOut, type ProbeData } from './probe.ts';

/**
 * Coordinates that the probes see: as many as tell something while rows are few, fewer where they would take time. Of
 * planted label errors (see bench/label-errors.ts) 250 coordinates of 500 photos find more than 64 do.
 */
const WIDTH = { min: 64, max: 256, ofAllRows: 2 ** 18 };
/** Rows that are looked at, spread evenly over all: bounds the time on large data. */
const MAX_ROWS = 8000;

/** An image whose label the features speak against. */
export interface LabelIssue {
  /** Row of the table. */
  row: number;
  /** What the probe finds instead: a class it would give, or, multi-label, one that it would add or take away. */
  suggestion: { label: number; present: boolean };
  /** How far the probe's score for that exceeds the one for the label given; above 0, at most about 1. */
  margin: number;
}

export interface Separability {
  /** Rows of the table that were looked at: each image once, without its copies and views. */
  rows: Int32Array;
  /** Mean over classes of the ROC AUC of predictions for rows left out; 0.5 is chance, null where no class can be ranked. */
  linearAuc: number | null;
  neighbourAuc: number | null;
  /** Standard error that the AUC of a useless probe has on so many rows. */
  chanceError: number;
  /** Every image that the linear probe contradicts, the most doubtful first. */
  labelIssues: LabelIssue[];
  /** The first two principal components of each of `rows`, [rows, 2]. */
  map: Float32Array;
  /** Shares of the variance that the two show. */
  mapShare: number[];
}

export interface SeparabilityInput {
  matrix: FeatureRows;
  inputs: number;
  hashes: ContentHashes;
  views: Int16Array;
  /** [all rows, classes]. */
  targets: Uint8Array;
  classes: number;
  task: Task;
}

/** Images as the probes see them. */
export interface ProbeSpace extends Pick<Separability, 'rows'> {
  /** [rows, width]. */
  coordinates: Float32Array;
  width: number;
  /** Share of the variance along each coordinate. */
  share: number[];
}

export function probeSpace(input: Omit<SeparabilityInput, 'targets' | 'classes' | 'task'>): ProbeSpace {
  const { matrix, inputs } = input;
  const rows = distinctRows(input, MAX_ROWS);
  const directions = directionsOf(matrix, inputs, rows);
  const components = principalComponents(directions, widthFor(rows.length));
  const coordinates = project(directions, components);
  return { rows, coordinates, width: components.count, share: components.share };
}

type Labels = Pick<SeparabilityInput, 'targets' | 'classes' | 'task'>;

/** What the linear probe read, its scores, and what they say against the labels. */
export function linearProbe(
  { rows, coordinates, width }: ProbeSpace,
  { targets, classes, task }: Labels,
): { data: ProbeData; scores: Float32Array; labelIssues: LabelIssue[] } {
  const own = selectTargets(targets, classes, rows);
  const data = { coordinates, targets: own, rows: rows.length, width, classes };
  const scores = leaveOneOut(data);
  const labelIssues = labelIssuesIn(scores, own, classes, task);
  return { data, scores, labelIssues: labelIssues.map((issue) => ({ ...issue, row: rows[issue.row] })) };
}

/** Both probes predict each image without having seen it, so that training images are measured like all others. */
export function separability(input: SeparabilityInput): Separability {
  const { classes } = input;
  const space = probeSpace(input);
  const { rows, coordinates, width } = space;
  const { data, scores, labelIssues } = linearProbe(space, input);
  const { votes, queries } = neighbourVotes(data);
  return {
    rows,
    linearAuc: meanAuc(probabilityLike(scores), data.targets, classes),
    neighbourAuc: meanAuc(votes, selectTargets(data.targets, classes, queries), classes),
    chanceError: chanceError(data.targets, rows.length, classes),
    labelIssues,
    ...flattened({ values: coordinates, rows: rows.length, inputs: width }, space.share),
  };
}

/** Fewer coordinates than images: a probe with one for each would only interpolate. */
function widthFor(rows: number): number {
  const affordable = Math.max(WIDTH.min, Math.floor(WIDTH.ofAllRows / rows));
  return Math.max(2, Math.min(WIDTH.max, Math.floor(rows / 2), affordable));
}

/** Iterations that settle two axes among the few coordinates that there are. */
const MAP_ITERATIONS = 60;

/** The two axes with most variance, found again among coordinates that hold nearly all of it. */
function flattened(
  coordinates: Directions,
  share: readonly number[],
): Pick<Separability, 'map' | 'mapShare'> {
  const axes = principalComponents(coordinates, 2, MAP_ITERATIONS);
  const projected = project(coordinates, axes);
  const explained = share.reduce((sum, one) => sum + one, 0);
  return {
    map: Float32Array.from({ length: coordinates.rows * 2 }, (_, index) =>
      index % 2 < axes.count ? projected[Math.floor(index / 2) * axes.count + (index % 2)] : 0,
    ),
    mapShare: axes.share.map((one) => one * explained),
  };
}

/** At most so many rows, spread evenly over all: each image once, without its copies and views. */
export function distinctRows(
  { hashes, views }: Pick<SeparabilityInput, 'hashes' | 'views'>,
  max: number,
): Int32Array {
  const first = firstWithHash(hashes, (row) => views[row] === 0);
  const distinct = rowsWhere(first.length, (row) => first[row] === row);
  return spreadRows(distinct.length, max).map((index) => distinct[index]);
}

/** rankClass orders numbers of at least 0. */
function probabilityLike(scores: Float32Array): Float32Array {
  let min = 0;
  for (const score of scores) min = Math.min(min, score);
  return scores.map((score) => score - min);
}

function meanAuc(scores: Float32Array, targets: Uint8Array, classes: number): number | null {
  const rows = targets.length / classes;
  return meanDefined(
    Array.from({ length: classes }, (_, label) => rankClass(scores, targets, rows, classes, label).auc),
  );
}

/** Of the mean over classes, as if they were independent, by the variance of the Mann-Whitney statistic. */
function chanceError(targets: Uint8Array, rows: number, classes: number): number {
  const variances: number[] = [];
  for (let label = 0; label < classes; label++) {
    let positives = 0;
    for (let row = 0; row < rows; row++) positives += targets[row * classes + label];
    if (positives > 0 && positives < rows) variances.push((rows + 1) / (12 * positives * (rows - positives)));
  }
  if (variances.length === 0) return 0.5;
  return Math.sqrt(variances.reduce((sum, variance) => sum + variance, 0)) / variances.length;
}

/** @returns rows counted as in `targets` */
function labelIssuesIn(scores: Float32Array, targets: Uint8Array, classes: number, task: Task): LabelIssue[] {
  const rows = targets.length / classes;
  const found: LabelIssue[] = [];
  const middles = task === 'multilabel' ? middlesOf(scores, targets, classes) : [];
  for (let row = 0; row < rows; row++) {
    let best: LabelIssue = { row, suggestion: { label: 0, present: true }, margin: 0 };
    const start = row * classes;
    const given = targets.indexOf(1, start) - start;
    for (let label = 0; label < classes; label++) {
      const present = targets[start + label] === 0;
      if (task === 'multiclass' && !present) continue;
      const score = scores[start + label];
      const margin =
        task === 'multiclass'
          ? score - scores[start + given]
          : (present ? score - middles[label] : middles[label] - score) * 2;
      if (margin > best.margin) best = { row, suggestion: { label, present }, margin };
    }
    if (best.margin > 0) found.push(best);
  }
  return found.sort((a, b) => b.margin - a.margin || a.row - b.row);
}

/**
 * Halfway between the mean score of images with a label and of those without: least squares pull the scores of a rare
 * label towards 0, so that half of 1 would find many labels to take away and hardly one to add. NaN, which no score
 * exceeds, where the probe tells nothing of a label.
 */
function middlesOf(scores: Float32Array, targets: Uint8Array, classes: number): Float64Array {
  const sums = new Float64Array(classes * 2);
  const counts = new Float64Array(classes * 2);
  for (const [index, score] of scores.entries()) {
    const group = (index % classes) * 2 + targets[index];
    sums[group] += score;
    counts[group]++;
  }
  return Float64Array.from({ length: classes }, (_, label) => {
    const [without, having] = [0, 1].map((target) => sums[label * 2 + target] / counts[label * 2 + target]);
    return having > without ? (having + without) / 2 : Number.NaN;
  });
}
