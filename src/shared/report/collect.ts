/** Puts a report's data together from a finished training. */

import { firstWithHash } from '../dataset/content-hashes.ts';
import { spreadRows } from '../dataset/row-numbers.ts';
import { formatOption, HEAD_OPTION_KEYS, type HeadOptionKey } from '../head/options.ts';
import { argmax, predictedLabels } from '../head/predicted-labels.ts';
import { evaluate } from '../metrics/evaluate.ts';
import { type Confusion, confusionMatrix, perClass } from '../metrics/per-class.ts';
import { flagOf } from '../options.ts';
import type { Training } from '../results/training.ts';
import { labelKey } from '../store/conflicts.ts';
import { type HeadResult, rankResults } from '../training/result.ts';
import { calibrationBins, classCurves, cooccurrence, wrongPredictions } from './curves.ts';
import type { ReportCurve, ReportData, ReportLine } from './data.ts';
import { createGallery, type Gallery } from './gallery.ts';

/** What is shown of long lists. */
const MAX = {
  wrong: 60,
  labelIssues: 60,
  duplicates: 30,
  ofOneCell: 24,
  points: 1500,
  curves: 6,
  lines: 1000,
};

export interface ReportOptions {
  /** What the report is called: the run's. */
  name: string;
  version: string;
  /** What the images' paths are relative to; undefined where it is not known. */
  photos: string | undefined;
}

export async function collectReport(
  training: Training,
  { name, version, photos }: ReportOptions,
): Promise<ReportData> {
  const { task, classes, splits, best, evaluated, results, runs, table, seconds, separability } = training;
  const { evaluation, split } = evaluated;
  const { monitor } = best.result.config;
  const gallery = createGallery(training);
  // In the order in which thumbnails matter.
  const wrong = wrongIn(training, gallery);
  const labelIssues = labelIssuesIn(training, gallery);
  const duplicates = duplicatesIn(training);
  const shownDuplicates = duplicates.slice(0, MAX.duplicates).map(({ rows, conflict }) => ({
    images: rows.map((row) => gallery.add(row)),
    conflict,
  }));
  const cells = cellsIn(training, gallery);
  const map = mapOf(training, gallery);
  const varied = HEAD_OPTION_KEYS.filter(
    (key) => new Set(results.map(({ config }) => formatOption(key, config))).size > 1,
  );
  const matrix = confusionMatrix(evaluation);
  const shown = shownClasses(matrix);
  const { images, thumbnails } = await gallery.finish(photos);
  const count = (which: string | null) => splits.filter((one) => one === which).length;
  return {
    name,
    version,
    created: new Date().toISOString(),
    task,
    classes,
    seconds,
    rows: { train: count('train'), val: count('val'), test: count('test'), all: table.rows },
    heads: runs.length,
    sources: training.sources.map(({ pipeline, columns, dimension }) => ({
      backbone: pipeline.backbone,
      weights: pipeline.weights,
      columns,
      dimension,
      size: `${pipeline.size.width}x${pipeline.size.height}`,
    })),
    metric: monitor,
    best: {
      id: best.result.id,
      options: optionsOf(best.result, HEAD_OPTION_KEYS),
      val: best.result.val,
      test: best.result.test,
    },
    evaluated: {
      split,
      metrics: evaluate(evaluation),
      baseline: training.baseline,
      traced: isTraced(training),
    },
    diagnosis: training.diagnosis,
    leaderboard: rankResults(results, monitor)
      .slice(0, MAX.lines)
      .map((line, index) => lineOf(line, index + 1, varied)),
    varied: varied.map(flagOf),
    curves: curvesOf(training),
    perClass: perClass(evaluation, classes),
    shown,
    confusion: onlyShown(matrix, shown),
    cells,
    classCurves: classCurves(evaluation, classes, shown),
    calibration: calibrationBins(evaluation),
    calibrationError: training.confidence
      ? { before: training.confidence.eceBefore, after: training.confidence.eceAfter }
      : null,
    cooccurrence:
      task === 'multilabel' ? onlyRows(cooccurrence(training.targets, classes.length), shown) : null,
    map,
    wrong,
    labelIssues,
    labelIssueCount: separability.labelIssues.length,
    duplicates: shownDuplicates,
    duplicateCount: duplicates.length,
    probes: { linearAuc: separability.linearAuc, neighbourAuc: separability.neighbourAuc },
    images,
    photos: {
      shown: thumbnails.uris.size,
      missing: thumbnails.missing,
      reason: thumbnails.reason,
    },
  };
}

/** Classes of a matrix that a page can hold. */
const MAX_CLASSES = 30;

/** All classes, or of many those with most wrong predictions, in their order. */
function shownClasses({ task, counts }: Confusion): number[] {
  const mistakes = (label: number): number =>
    task === 'multilabel'
      ? counts[label][0][1] + counts[label][1][0]
      : counts.reduce(
          (sum, row, actual) => sum + (actual === label ? 0 : row[label] + counts[label][actual]),
          0,
        );
  return counts
    .map((_, label) => ({ label, mistakes: mistakes(label) }))
    .sort((a, b) => b.mistakes - a.mistakes)
    .slice(0, MAX_CLASSES)
    .map(({ label }) => label)
    .sort((a, b) => a - b);
}

function onlyShown(confusion: Confusion, shown: readonly number[]): Confusion {
  const { task, counts } = confusion;
  return task === 'multilabel'
    ? { task, counts: shown.map((label) => counts[label]) }
    : { task, counts: onlyRows(counts, shown) };
}

function onlyRows(matrix: readonly (readonly number[])[], shown: readonly number[]): number[][] {
  return shown.map((row) => shown.map((column) => matrix[row][column]));
}

function optionsOf({ config }: HeadResult, keys: readonly HeadOptionKey[]): Record<string, string> {
  return Object.fromEntries(keys.map((key) => [flagOf(key), formatOption(key, config)]));
}

function lineOf(line: HeadResult, rank: number, varied: readonly HeadOptionKey[]): ReportLine {
  const { id, status, val, epochs, seconds, interval, tied } = line;
  return {
    rank,
    id,
    status,
    val,
    epochs,
    seconds,
    options: optionsOf(line, varied),
    ...(interval && { interval }),
    ...(tied !== undefined && { tied }),
  };
}

/** Of the best lines, the head with the best validation value. */
function curvesOf({ results, runs, best, trainingCurves }: Training): ReportCurve[] {
  const { monitor } = best.result.config;
  return rankResults(results, monitor)
    .slice(0, MAX.curves)
    .flatMap((line) => {
      const own = runs.filter(({ id }) => id === line.id || id.startsWith(`${line.id}-`));
      const [run] = rankResults(own, monitor);
      if (!run || run.history.length === 0) return [];
      const train = trainingCurves.get(run.id);
      const points = run.history.map(({ epoch, trainLoss, val }, index) => ({
        epoch,
        trainLoss,
        val,
        ...(train?.[index] && { train: train[index] }),
      }));
      return [{ id: line.id, bestEpoch: run.bestEpoch, points }];
    });
}

/** The row of the table behind a row of the evaluated split. */
function evaluatedRows({ splits, evaluated }: Training): number[] {
  return [...splits.keys()].filter((row) => splits[row] === evaluated.split);
}

/** With folds and no test split, the evaluated predictions are those of all folds, one after the other. */
function isTraced(training: Training): boolean {
  return evaluatedRows(training).length === training.evaluated.evaluation.rows;
}

function wrongIn(training: Training, gallery: Gallery): ReportData['wrong'] {
  const rows = evaluatedRows(training);
  if (!isTraced(training)) return [];
  return wrongPredictions(training.evaluated.evaluation)
    .slice(0, MAX.wrong)
    .map(({ row, label, present, confidence }) => ({
      image: gallery.add(rows[row]),
      predicted: `${present ? '' : 'not '}${training.classes[label]}`,
      confidence,
    }));
}

function labelIssuesIn(
  { separability, classes, task }: Training,
  gallery: Gallery,
): ReportData['labelIssues'] {
  return separability.labelIssues
    .slice(0, MAX.labelIssues)
    .map(({ row, suggestion: { label, present }, margin }) => ({
      image: gallery.add(row),
      suggestion: task === 'multiclass' ? classes[label] : `${present ? 'add' : 'remove'} ${classes[label]}`,
      margin,
    }));
}

/** Conflicts first, then the largest sets. */
function duplicatesIn({ table }: Training): { rows: number[]; conflict: boolean }[] {
  const first = firstWithHash(table.hashes, (row) => table.views[row] === 0);
  const copies = new Map<number, number[]>();
  for (const [row, same] of first.entries())
    if (same >= 0 && same !== row) copies.set(same, [...(copies.get(same) ?? [same]), row]);
  return [...copies.values()]
    .map((rows) => ({ rows, conflict: new Set(rows.map((row) => labelKey(table.labels[row]))).size > 1 }))
    .sort((a, b) => Number(b.conflict) - Number(a.conflict) || b.rows.length - a.rows.length);
}

/** Images in each cell: `actual:predicted`, or of a label `label:found|missed|false`. */
function cellsIn(training: Training, gallery: Gallery): ReportData['cells'] {
  const { evaluation } = training.evaluated;
  const rows = evaluatedRows(training);
  if (!isTraced(training)) return {};
  const { classes, targets, probabilities, task } = evaluation;
  const cells = new Map<string, number[]>();
  const put = (key: string, row: number) => {
    const existing = cells.get(key) ?? [];
    if (existing.length < MAX.ofOneCell) cells.set(key, [...existing, row]);
  };
  const isPredicted = predictedLabels(evaluation);
  for (const [index, row] of rows.entries()) {
    if (task === 'multiclass')
      put(`${argmax(targets, index, classes)}:${argmax(probabilities, index, classes)}`, row);
    else
      for (let label = 0; label < classes; label++) {
        const kind = KINDS[targets[index * classes + label]][isPredicted[index * classes + label]];
        if (kind) put(`${label}:${kind}`, row);
      }
  }
  return Object.fromEntries([...cells].map(([key, own]) => [key, own.map((row) => gallery.add(row))]));
}

/** By target and prediction; of what is correctly absent there is nothing to see. */
const KINDS: readonly (readonly [string | null, string])[] = [
  [null, 'false'],
  ['missed', 'found'],
];

function mapOf({ separability, table }: Training, gallery: Gallery): ReportData['map'] {
  const { rows, map, mapShare } = separability;
  return {
    share: mapShare,
    points: Array.from(spreadRows(rows.length, MAX.points), (index) => ({
      x: Number(map[2 * index].toPrecision(4)),
      y: Number(map[2 * index + 1].toPrecision(4)),
      label: table.labels[rows[index]].join(' + ') || 'no label',
      image: gallery.add(rows[index]),
    })),
  };
}
