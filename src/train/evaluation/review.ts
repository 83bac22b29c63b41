/** Last step of training: how good the chosen head is, and what the run tells. */
import { join } from 'node:path';
import { calibrated } from '../../shared/calibration/calibrate.ts';
import { splitEvaluation } from '../../shared/dataset/prepare.ts';
import { diagnoseRun } from '../../shared/evaluation/diagnose-run.ts';
import { evaluateBest } from '../../shared/evaluation/evaluate-best.ts';
import { baseline } from '../../shared/metrics/baseline.ts';
import { BEST_FOLDER } from '../../shared/results/summary.ts';
import type { Training } from '../../shared/results/training.ts';
import { contendersOf } from '../search/contenders.ts';
import type { SearchPlan } from '../search/plan.ts';
import type { SearchOutcome } from '../search/run.ts';
import { trainingCurves } from '../search/training-curves.ts';
import { predictAll } from './predict-all.ts';
import { probeDepths } from './probe-depths.ts';

/** Heads whose training images are looked at after each epoch. */
const MAX_WATCHED = 2;

/**
 * Looks at the test split, for the chosen head only; calibrates it, compares it with those that came close, and
 * diagnoses the run.
 * @param watchTraining whether the best heads are trained once more to see how right they are on training images
 * @param out the run's folder, where there is one
 */
export async function reviewSearch(
  { dataset, engine }: SearchPlan,
  { found, search, facts, seconds }: SearchOutcome,
  { watchTraining, out }: { watchTraining: boolean; out: string | undefined },
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
  const [store, ...others] = set.request.features.flatMap((dir) =>
    table.stores.filter((opened) => opened.store.dir === dir),
  );
  const isProbed = others.length === 0 && !search.signal.aborted;
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
      ...(isProbed && { depths: await probeDepths(dataset, store.store, engine) }),
      ...(out !== undefined && { folder: join(out, BEST_FOLDER) }),
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
