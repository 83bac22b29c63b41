/** A look at the run when it is over: how firm the ranking is, what the features hold, and what is wrong. */

import { bootstrap, type LeaderboardRow } from '../analysis/bootstrap.ts';
import type { DepthGap } from '../analysis/depth-gap.ts';
import type { FeatureFacts } from '../analysis/feature-facts.ts';
import { type Separability, separability } from '../analysis/separability.ts';
import type { FeatureSet, FeatureTable } from '../dataset/table.ts';
import { diagnose } from '../diagnosis/diagnose.ts';
import type { Facts, Finding } from '../diagnosis/finding.ts';
import { TELLING } from '../diagnosis/learning.ts';
import type { MetricName } from '../head/config.ts';
import { baseline } from '../metrics/baseline.ts';
import type { EvaluatedSplit, Evaluation } from '../metrics/counts.ts';
import { evaluate } from '../metrics/evaluate.ts';
import { perClass } from '../metrics/per-class.ts';
import type { HeadResult } from '../training/result.ts';

/** A line of the leaderboard, and what its head predicts for the validation rows. */
export interface Contender {
  id: string;
  /** Its best head. */
  run: HeadResult;
  validation: Evaluation;
}

export interface Review {
  /** The leaderboard with the intervals of its best lines. */
  results: HeadResult[];
  separability: Separability;
  diagnosis: Finding[];
}

/** What {@link diagnoseRun} looks at; rows are in the order of the table, the training rows first. */
interface Reviewed {
  classes: readonly string[];
  table: FeatureTable;
  /** What the best head takes, normalised or not. */
  features: Pick<FeatureSet, 'matrix' | 'inputs'>;
  /** The same as extracted. */
  facts: readonly FeatureFacts[];
  targets: Uint8Array;
  rows: Facts['rows'];
  results: readonly HeadResult[];
  runs: readonly HeadResult[];
  best: HeadResult;
  contenders: readonly Contender[];
  /** The best head's calibrated predictions for all rows. */
  predictions: Omit<Evaluation, 'targets'>;
  evaluated: { split: EvaluatedSplit; evaluation: Evaluation };
  /** What probes tell of the depths of the store, where they looked. */
  depths?: DepthGap;
  /** Where the best head is kept, if anywhere. */
  folder?: string;
}

export function diagnoseRun(run: Reviewed): Review {
  const { classes, table, features, targets, rows, best, contenders, predictions, evaluated } = run;
  const { task } = predictions;
  const leaderboard = leaderboardOf(contenders, best.config.monitor);
  const separated = separability({
    matrix: features.matrix,
    inputs: features.inputs,
    targets,
    hashes: table.hashes,
    views: table.views,
    classes: classes.length,
    task,
  });
  const results = run.results.map((line) => withRow(line, leaderboard));
  const trainTargets = targets.subarray(0, rows.train * classes.length);
  const diagnosis = diagnose({
    task,
    classes,
    rows,
    best,
    leaderboard,
    results,
    runs: run.runs,
    features: run.facts,
    separability: separated,
    trained: evaluate(
      {
        ...predictions,
        rows: rows.train,
        probabilities: predictions.probabilities.subarray(0, rows.train * classes.length),
        targets: trainTargets,
      },
      [TELLING[task]],
    ),
    majority: baseline(trainTargets, contenders[0].validation.targets, classes.length, task),
    perClass: perClass(evaluated.evaluation, classes),
    evaluated: { split: evaluated.split, metrics: evaluate(evaluated.evaluation) },
    depths: run.depths,
    folder: run.folder,
  });
  return { results, separability: separated, diagnosis };
}

type NamedRow = LeaderboardRow & { id: string };

function leaderboardOf(contenders: readonly Contender[], metric: MetricName): NamedRow[] {
  const leaderboard = bootstrap(
    contenders.map(({ validation }) => validation),
    metric,
  );
  return leaderboard.map((row, index) => ({ id: contenders[index].id, ...row }));
}

function withRow(line: HeadResult, leaderboard: readonly NamedRow[]): HeadResult {
  const row = leaderboard.find(({ id }) => id === line.id);
  if (!row) return line;
  const { interval, tied } = row;
  return { ...line, ...(interval && { interval }), ...(leaderboard.length > 1 && { tied }) };
}
