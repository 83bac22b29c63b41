/** Search with cross-validation: every head is trained once for each fold, and compared by its mean over them. */

import type { TrainingData } from '../../shared/dataset/data.ts';
import {
  copyingPreparer,
  prepareInPlace,
  type RawData,
  splitEvaluation,
} from '../../shared/dataset/prepare.ts';
import type { FeatureSet } from '../../shared/dataset/table.ts';
import { loadEngine } from '../../shared/engines/engine.ts';
import type { Evaluation } from '../../shared/metrics/counts.ts';
import { winningLine } from '../../shared/search/competition.ts';
import { type Configuration, type HeadJob, jobsOf } from '../../shared/search/configurations.ts';
import type { HeadResult } from '../../shared/training/result.ts';
import { predictAll } from '../evaluation/predict-all.ts';
import { compete, type Found, normalizationsOf, type Search, trainAgain } from './search.ts';

/** A fold of the rows that are not tested: what validates in it, after what it trains on. */
interface Fold {
  order: Int32Array;
  rows: TrainingData['rows'];
}

/**
 * The configuration with the best mean over the folds, trained again on all rows that are not tested, for as many
 * epochs as were best on average. What is calibrated later is fitted on out-of-fold predictions: each row's by the
 * head that did not train on it. Undefined when no head could be trained.
 * @param rows training rows (all but the test split) and test rows, in the order of the table; no validation
 * @param foldOf the fold of each training row; -1 where every fold trains on it
 * @param views of each row: what is no image itself (0) validates nothing
 * @throws the abort reason of the signal: no configuration wins before all folds are trained
 */
export async function crossValidate(
  raw: RawData,
  {
    rows,
    foldOf,
    folds,
    views,
  }: { rows: TrainingData['rows']; foldOf: Int32Array; folds: number; views: Int16Array },
  search: Search,
): Promise<Found | undefined> {
  const { configurations, sets, leaderboard, signal } = search;
  const each = Array.from({ length: folds }, (_, fold) => foldRows(foldOf, views, fold));
  for (const [source, set] of sets.entries()) {
    const prepare = copyingPreparer(raw, set, normalizationsOf(configurations, source));
    const own = configurations.filter((configuration) => configuration.source === source);
    for (const [fold, { order, rows: foldRowCounts }] of each.entries()) {
      const jobs = own.flatMap((configuration) => jobsOf(configuration, fold + 1));
      await compete(jobs, new Map([[source, prepare(order, foldRowCounts).data]]), search);
      signal.throwIfAborted();
    }
  }
  if (!leaderboard.leader) return undefined;
  const line = winningLine(search);
  const configuration = configurations.find(({ id }) => id === line.id);
  if (!configuration) throw new Error(`The search has no configuration ${line.id}`);
  const { source } = configuration;
  const set = sets[source];
  const validation = await outOfFold(raw, set, each, configuration, search);

  const lastEpoch = Math.max(1, Math.round(line.bestEpoch));
  const refit: HeadJob = { id: line.id, config: line.config, source, lastEpoch };
  const prepared = prepareInPlace(raw, set, rows, normalizationsOf([configuration], source));
  const data = new Map([[source, prepared.data]]);
  const [head] = await trainAgain([refit], data, search);
  const result: HeadResult = { ...head.result, val: line.val };
  return { head: { ...head, result }, prepared, validation, line, source, data };
}

function foldRows(foldOf: Int32Array, views: Int16Array, fold: number): Fold {
  const all = Array.from(foldOf.keys());
  const train = all.filter((row) => foldOf[row] !== fold);
  const val = all.filter((row) => foldOf[row] === fold && views[row] === 0);
  return {
    order: Int32Array.from([...train, ...val]),
    rows: { train: train.length, val: val.length, test: 0 },
  };
}

/** Predictions of the configuration's heads, of its first seed, for the rows that validated them, fold after fold. */
async function outOfFold(
  raw: RawData,
  set: FeatureSet,
  folds: readonly Fold[],
  configuration: Configuration,
  search: Search,
): Promise<Evaluation> {
  const engine = await loadEngine(search.engine, { threads: 1 });
  const prepare = copyingPreparer(raw, set, normalizationsOf([configuration], configuration.source));
  const { task, classes } = raw;
  const rowCount = folds.reduce((sum, { rows }) => sum + rows.val, 0);
  const probabilities = new Float32Array(rowCount * classes);
  const targets = new Uint8Array(rowCount * classes);
  let end = 0;
  for (const [fold, { order, rows }] of folds.entries()) {
    const { data } = prepare(order, rows);
    const [job] = jobsOf(configuration, fold + 1);
    const [head] = await trainAgain([job], new Map([[configuration.source, data]]), search);
    const predicted = await predictAll(engine, head, data, rows.train + rows.val);
    const validation = splitEvaluation(data, predicted, 'val');
    probabilities.set(validation.probabilities, end);
    targets.set(validation.targets, end);
    end += rows.val * classes;
  }
  return { task, classes, rows: rowCount, probabilities, targets };
}
