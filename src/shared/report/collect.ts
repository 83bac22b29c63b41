/** Puts a report's data together from a finished training. */

import { type SourceKey, variedSourceKeys } from '../dataset/source-options.ts';
import { type SettingColumn, settingColumns, variedColumns } from '../head/setting-columns.ts';
import { evaluate } from '../metrics/evaluate.ts';
import { type Confusion, confusionMatrix, perClass } from '../metrics/per-class.ts';
import type { Training } from '../results/training.ts';
import { type HeadResult, rankResults } from '../training/result.ts';
import { calibrationBins, classCurves, cooccurrence } from './curves.ts';
import type { ReportCurve, ReportData, ReportLine } from './data.ts';
import { createGallery } from './gallery.ts';
import { imageListsOf, isTraced } from './image-lists.ts';

/** What is shown of long lists. */
const MAX = { curves: 6, lines: 1000 };

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
  const gallery = createGallery(training);
  const lists = imageListsOf(training, gallery);
  const { images, thumbnails } = await gallery.finish(photos);
  const { linearAuc, neighbourAuc } = training.separability;
  return {
    name,
    version,
    created: new Date().toISOString(),
    ...runOf(training),
    ...headsOf(training),
    ...predictionsOf(training),
    ...lists,
    diagnosis: training.diagnosis,
    probes: { linearAuc, neighbourAuc },
    images,
    photos: {
      shown: thumbnails.uris.size,
      missing: thumbnails.missing,
      reason: thumbnails.reason,
    },
  };
}

type RunData = Pick<ReportData, 'task' | 'classes' | 'seconds' | 'rows' | 'heads' | 'sources'>;

/** What was trained, and on what. */
function runOf({ task, classes, seconds, splits, table, runs, sources }: Training): RunData {
  const count = (split: string) => splits.filter((one) => one === split).length;
  return {
    task,
    classes,
    seconds,
    rows: { train: count('train'), val: count('val'), test: count('test'), all: table.rows },
    heads: runs.length,
    sources: sources.map(({ pipeline, columns, dimension }) => ({
      backbone: pipeline.backbone,
      weights: pipeline.weights,
      columns,
      dimension,
      size: `${pipeline.size.width}x${pipeline.size.height}`,
    })),
  };
}

type HeadsData = Pick<ReportData, 'metric' | 'best' | 'leaderboard' | 'varied' | 'curves'>;

/** All heads, ranked, and how the best of them learned. */
function headsOf(training: Training): HeadsData {
  const { best, results } = training;
  const { monitor } = best.result.config;
  const sourceKeys = variedSourceKeys(results.map(({ source }) => source));
  const varied = variedColumns(results.map(({ config }) => config));
  return {
    metric: monitor,
    best: {
      id: best.result.id,
      options: {
        ...sourceOf(best.result, sourceKeys),
        ...optionsOf(best.result, settingColumns([best.result.config])),
      },
      val: best.result.val,
      test: best.result.test,
    },
    leaderboard: rankResults(results, monitor)
      .slice(0, MAX.lines)
      .map((line, index) => lineOf(line, index + 1, { sourceKeys, varied })),
    varied: [...sourceKeys, ...varied.map(({ title }) => title)],
    curves: curvesOf(training),
  };
}

type PredictionsData = Pick<
  ReportData,
  | 'evaluated'
  | 'perClass'
  | 'shown'
  | 'confusion'
  | 'classCurves'
  | 'calibration'
  | 'calibrationError'
  | 'cooccurrence'
>;

/** The best head's predictions on the evaluated split: metrics, matrices and curves. */
function predictionsOf(training: Training): PredictionsData {
  const { task, classes, targets, baseline, confidence } = training;
  const { evaluation, split } = training.evaluated;
  const matrix = confusionMatrix(evaluation);
  const shown = shownClasses(matrix);
  return {
    evaluated: { split, metrics: evaluate(evaluation), baseline, traced: isTraced(training) },
    perClass: perClass(evaluation, classes),
    shown,
    confusion: onlyShown(matrix, shown),
    classCurves: classCurves(evaluation, classes, shown),
    calibration: calibrationBins(evaluation),
    calibrationError: confidence ? { before: confidence.eceBefore, after: confidence.eceAfter } : null,
    cooccurrence: task === 'multilabel' ? onlyRows(cooccurrence(targets, classes.length), shown) : null,
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

function optionsOf({ config }: HeadResult, columns: readonly SettingColumn[]): Record<string, string> {
  return Object.fromEntries(columns.map(({ title, written }) => [title, written(config)]));
}

function sourceOf({ source }: HeadResult, keys: readonly SourceKey[]): Record<string, string> {
  return Object.fromEntries(keys.map((key) => [key, source?.[key] ?? '']));
}

function lineOf(
  line: HeadResult,
  rank: number,
  { sourceKeys, varied }: { sourceKeys: readonly SourceKey[]; varied: readonly SettingColumn[] },
): ReportLine {
  const { id, status, val, epochs, seconds, interval, tied } = line;
  return {
    rank,
    id,
    status,
    val,
    epochs,
    seconds,
    options: { ...sourceOf(line, sourceKeys), ...optionsOf(line, varied) },
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
