/** What a diagnosis says, and what it is made from. */

import type { LeaderboardRow } from '../analysis/bootstrap.ts';
import type { DepthGap } from '../analysis/depth-gap.ts';
import type { FeatureFacts } from '../analysis/feature-facts.ts';
import type { Separability } from '../analysis/separability.ts';
import type { Metrics, Task } from '../head/config.ts';
import type { EvaluatedSplit } from '../metrics/counts.ts';
import type { ClassReport } from '../metrics/per-class.ts';
import type { HeadResult } from '../training/result.ts';

/** `problem`: results cannot be trusted or are far below what is possible; `warning`: likely to mislead; `note`: worth knowing. */
export const SEVERITIES = ['problem', 'warning', 'note'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** One thing that is wrong, or may mislead. */
export interface Finding {
  /** Stays the same across versions. */
  id: string;
  severity: Severity;
  title: string;
  /** The numbers that it was seen by. */
  evidence: string;
  /** What to do. */
  remedy: string;
  /** The flags that do it, as they are typed; null where no flag can. */
  flag: string | null;
}

/** What rules look at. */
export interface Facts {
  task: Task;
  classes: readonly string[];
  rows: { train: number; val: number; test: number };
  /** Features of each store that the best head takes, before normalisation. */
  features: readonly FeatureFacts[];
  separability: Pick<Separability, 'linearAuc' | 'neighbourAuc' | 'chanceError'>;
  /** The lines of the leaderboard. */
  results: readonly HeadResult[];
  /** Every head that was trained. */
  runs: readonly HeadResult[];
  /** The best head, with its own history. */
  best: HeadResult;
  /** Metrics of the best head on the images it was trained on. */
  trained: Metrics;
  /** The majority baseline, on the images that {@link Facts.best}'s validation metrics are of. */
  majority: Metrics;
  /** The best lines of the leaderboard, the best first, with their bootstrap intervals. */
  leaderboard: readonly (LeaderboardRow & { id: string })[];
  /** Of the calibrated head, on the evaluated split. */
  perClass: readonly ClassReport[];
  evaluated: { split: EvaluatedSplit; metrics: Metrics };
  /** Probes on the last layer and on all depths of the store; undefined where none were made. */
  depths?: DepthGap;
  /** Where the best head is kept; undefined where it is not. */
  folder?: string;
}

/** Looks for one failure; undefined where there is no sign of it. */
export type Rule = (facts: Facts) => Omit<Finding, 'id'> | undefined;

/** A share for a sentence: `87.5 %`. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** A difference of shares for a sentence, in points: `4.2`. */
export function points(difference: number): string {
  return (100 * difference).toFixed(1);
}

/** A number for a sentence, three digits. */
export function digits(value: number): string {
  return String(Number(value.toPrecision(3)));
}
