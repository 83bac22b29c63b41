/** Last step of training: how good the chosen head is, and what the run tells. */
import { calibrated } from '../../shared/calibration/calibrate.ts';
import { splitEvaluation } from '../../shared/dataset/prepare.ts';
import { diagnoseRun } from '../../shared/evaluation/diagnose-run.ts';
import { evaluateBest } from '../../shared/evaluation/evaluate-best.ts';
import { baseline } from '../../shared/metrics/baseline.ts';
import type { Training } from '../../shared/results/training.ts';
import { contendersOf } from '../search/contenders.ts';
import type { SearchPlan } from '../search/plan.ts';
import type { SearchOutcome } from '../search/run.ts';
import { trainingCurves } from '../search/training-curves.ts';
import { predictAll } from './predict-all.ts';

/** Heads whose training images are looked at after each epoch. */
const MAX_WATCHED = 2;

/**
 * Looks at the test split, for the chosen head only; calibrates it, compares it with those that came close, and
 * diagnoses the run.
 * @param watchTraining whether the best heads are trained once more to see how right they are on training images
 */
export async function reviewSearch(
  { dataset, engine }: SearchPlan,
  { found, search, facts, seconds }: SearchOutcome,
  { watchTraining }: { watchTraining: boolean },
): Promise<Training> {
  const { task, classes, table, raw, rare, division } = dataset;
  const { head, validation, line, source, prepared } = found;
  const { rows } = division;
  const { output } = head.result.config;
  const set = search.sets[source];
  const probabilities = await predictAll(engine, head, prepared.data, table.rows);
  const tested = rows.test > 0 ? splitEvaluation(prepared.data, probabilities, 'test') : undefined;
  const { test, ...evaluationOfBest } = evaluateBest(validation, tested, output);
  const all = { probabilities, rows: table.rows, classes: classes.length, task };
  const predictions = calibrated(all, output, evaluationOfBest.calibration);
  const best = { ...head, result: { ...head.result, test, ...(line.source && { source: line.source }) } };
  const contenders = await contendersOf(found, search);
  const watched = watchTraining ? contenders.slice(0, MAX_WATCHED).map(({ run }) => run) : [];
  const { runs } = search.leaderboard;
  const results = search.leaderboard.lines().map((one) => (one.id === line.id ? { ...one, test } : one));
  const { targets } = raw;
  const trainTargets = targets.subarray(0, rows.train * classes.length);
  const { evaluation } = evaluationOfBest.evaluated;
  return {
    ...diagnoseRun({
      classes,
      table,
      targets,
      rows,
      predictions,
      evaluated: evaluationOfBest.evaluated,
      features: set,
      facts: facts[source],
      results,
      runs,
      best: best.result,
      contenders,
    }),
    ...evaluationOfBest,
    task,
    classes,
    table,
    targets,
    rare,
    runs,
    best,
    seconds,
    splits: division.splits,
    sources: set.sources,
    stores: set.request.features,
    statistics: prepared.statistics,
    probabilities: predictions.probabilities,
    trainingCurves: await trainingCurves(found, watched, search),
    baseline: baseline(trainTargets, evaluation.targets, classes.length, task),
    engine: { name: engine.name, version: engine.version },
    interrupted: search.signal.aborted,
  };
}
