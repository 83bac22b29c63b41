/** Last step: how good the chosen head is, and what the run tells. */
import { join } from 'node:path';
import { featureFacts } from '../shared/analysis/feature-facts.ts';
import { calibrated } from '../shared/calibration/calibrate.ts';
import type { NormalizationStatistics } from '../shared/dataset/normalize.ts';
import { diagnoseRun } from '../shared/evaluation/diagnose-run.ts';
import { evaluateBest } from '../shared/evaluation/evaluate-best.ts';
import type { Head } from '../shared/head/record.ts';
import { baseline } from '../shared/metrics/baseline.ts';
import { BEST_FOLDER } from '../shared/results/summary.ts';
import type { Training } from '../shared/results/training.ts';
import type { HeadResult } from '../shared/training/result.ts';
import type { TuningPlan } from './plan.ts';
import { type Chosen, choose, splitOf } from './search/choose.ts';
import type { TuningOutcome } from './search/train.ts';

/** A run of fine-tune: the chosen head, its tail where it has one, and the head that it began with. */
export interface Tuning extends Training {
  start: HeadResult;
}

/** @param out the run's folder, if there is one */
export async function reviewTuning(
  plan: TuningPlan,
  outcome: TuningOutcome,
  out: string | undefined,
): Promise<Tuning> {
  const { start, augment, engine } = plan;
  const { task, classes, raw, rare, division } = start.dataset;
  const { rows } = division;
  const table = { ...start.dataset.table, augment: augment ?? null };
  const chosen = await choose(plan, outcome);
  const { output } = chosen.trained.result.config;
  const [{ validation }] = chosen.contenders;
  const tested = rows.test > 0 ? splitOf(plan, chosen.probabilities, 'test') : undefined;
  const { test, ...evaluation } = evaluateBest(validation, tested, output);
  const all = { probabilities: chosen.probabilities, rows: table.rows, classes: classes.length, task };
  const predictions = calibrated(all, output, evaluation.calibration);
  const best = { ...chosen.trained, result: { ...chosen.trained.result, test } };
  const { leaderboard, signal } = outcome.competition;
  const trainTargets = raw.targets.subarray(0, rows.train * classes.length);
  return {
    ...diagnoseRun({
      classes,
      table,
      targets: raw.targets,
      rows,
      predictions,
      evaluated: evaluation.evaluated,
      features: start.features,
      facts: featureFacts(start.features, table.rows),
      results: linesOf(chosen, leaderboard.lines(), test),
      runs: leaderboard.runs,
      best: best.result,
      contenders: chosen.contenders,
      ...(out !== undefined && { folder: join(out, BEST_FOLDER) }),
    }),
    ...evaluation,
    task,
    classes,
    table,
    targets: raw.targets,
    rare,
    runs: leaderboard.runs,
    best,
    ...(chosen.tail && { tail: chosen.tail }),
    start: chosen.start,
    seconds: outcome.seconds,
    splits: division.splits,
    sources: [start.source],
    stores: [start.store],
    statistics: statisticsOf(start.head),
    probabilities: predictions.probabilities,
    trainingCurves: new Map(),
    baseline: baseline(trainTargets, evaluation.evaluated.evaluation.targets, classes.length, task),
    engine: { name: engine.name, version: engine.version },
    interrupted: signal.aborted,
  };
}

/** The leaderboard: the start, which is tested too, and every fine-tuning. */
function linesOf(
  { start, trained }: Chosen,
  lines: readonly HeadResult[],
  test: HeadResult['test'],
): HeadResult[] {
  return [start, ...lines.map((line) => (line.id === trained.result.id ? { ...line, test } : line))];
}

/** What the head's inputs are normalised with, as it was fitted on the features of the frozen backbone. */
function statisticsOf({ tensors }: Head): NormalizationStatistics | undefined {
  const deviation = tensors.get('normalize/deviation')?.data;
  const mean = tensors.get('normalize/mean')?.data ?? new Float32Array(0);
  return deviation && { mean, deviation };
}
