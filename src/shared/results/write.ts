/** The files of a run's folder. */
import { join, resolve } from 'node:path';
import type { CsvOptions } from '../csv-line.ts';
import { imageSplits } from '../dataset/divide.ts';
import { headTensors } from '../head/head-tensors.ts';
import { writeHead } from '../head/record.ts';
import { confusionMatrix, perClass } from '../metrics/per-class.ts';
import { makeFolder, writeDurably } from '../store/files.ts';
import type { Split } from '../store/schema.ts';
import { packageVersion } from '../version.ts';
import { historyArrow } from './history.ts';
import { leaderboardCsv } from './leaderboard.ts';
import { predictionLines } from './predictions.ts';
import { BEST_FOLDER, type TrainSummary } from './summary.ts';
import type { Training } from './training.ts';

/** What the best head predicts for every image, with the split that it was in. */
export const PREDICTIONS_FILE = 'predictions.csv';

/**
 * Writes leaderboard.csv, history.arrow, predictions.csv, best/ and metrics.json, the last of which says that the
 * run is whole.
 */
export async function writeRun(
  dir: string,
  training: Training,
  summary: TrainSummary,
  csv: CsvOptions = {},
): Promise<void> {
  const { results, runs, best, classes, table, splits, evaluated, rare, diagnosis } = training;
  const { monitor } = best.result.config;
  await makeFolder(dir);
  await writeDurably(join(dir, 'leaderboard.csv'), leaderboardCsv(results, monitor, csv));
  await writeDurably(join(dir, 'history.arrow'), historyArrow(runs));
  await writePredictions(join(dir, PREDICTIONS_FILE), training, csv);
  await writeBest(join(dir, BEST_FOLDER), training);
  const report = {
    ...summary,
    best: { ...summary.best, ...runsReport(training), ...calibrationReport(training) },
    part: evaluated.split,
    perClass: perClass(evaluated.evaluation, classes),
    confusion: confusionMatrix(evaluated.evaluation),
    ...(rare.length > 0 && { rareLabels: rare }),
    rows: { ...countSplits(imageSplits(splits, table)), ...viewsReport(table) },
    diagnosis,
  };
  await writeDurably(join(dir, 'metrics.json'), `${JSON.stringify(report, null, 2)}\n`);
}

/** Validation metrics over the heads of the best configuration, where it has several. */
function runsReport({ results, best }: Training): Record<string, unknown> {
  const line = results.find(({ id }) => id === best.result.id);
  return line?.runs === undefined ? {} : { runs: line.runs, mean: line.val, spread: line.spread };
}

/** What metrics.json says of the best head's predictions beyond the summary. */
function calibrationReport({ calibration, confidence, tuned, classes }: Training): Record<string, unknown> {
  const { temperature, thresholds } = calibration;
  const { topK, ...errors } = confidence ?? {};
  return {
    ...(temperature !== undefined && { calibration: { temperature, ...errors } }),
    ...(thresholds && {
      thresholds: Object.fromEntries(thresholds.map((threshold, label) => [classes[label], threshold])),
    }),
    ...(topK && { topK }),
    tuned,
  };
}

async function writeBest(dir: string, training: Training): Promise<void> {
  const { best, tail, task, classes, table, sources, stores, engine, statistics, calibration } = training;
  const version = packageVersion();
  const { config, val, test } = best.result;
  const record = {
    version,
    engine,
    task,
    classes,
    config,
    sources,
    ...calibration,
    ...(table.augment && { augment: table.augment }),
    stores: stores.map((store) => resolve(store)),
    metrics: { val, test },
  };
  await writeHead(dir, record, headTensors(record, best.parameters, statistics), tail);
}

/** Streamed: the text of a large data set is longer than the longest string. */
async function writePredictions(path: string, training: Training, csv: CsvOptions): Promise<void> {
  const { table, splits, classes, probabilities, task, calibration } = training;
  const { paths, labels, views, rows } = table;
  const { thresholds } = calibration;
  const lines = predictionLines(
    {
      paths,
      split: splits,
      labels,
      views,
      classes,
      probabilities,
      rows,
      task,
      thresholds,
    },
    csv,
  );
  await writeDurably(path, lines);
}

/** How many images there are, and views that were trained on. */
function viewsReport({ views, rows }: Training['table']): { all: number; views?: number } {
  const all = views.filter((view) => view === 0).length;
  return { all, ...(rows > all && { views: rows - all }) };
}

function countSplits(splits: Training['splits']): Record<Split, number> {
  const count = (name: string) => splits.filter((split) => split === name).length;
  return { train: count('train'), val: count('val'), test: count('test') };
}
