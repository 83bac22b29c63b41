/** What training one head gave, and which head is best. */

import type { SourceName } from '../dataset/source-options.ts';
import type { HeadConfig, MetricName, Metrics } from '../head/config.ts';
import { compareMetric } from '../metrics/compare.ts';

/** One epoch of one head. */
export interface EpochRecord {
  /** Counted from 1. */
  epoch: number;
  lr: number;
  /** Mean loss of the epoch's training steps. */
  trainLoss: number;
  val: Metrics;
}

/** The outcome of one head, or of several of one configuration together; metrics are those of the best epoch. */
export interface HeadResult {
  id: string;
  config: HeadConfig;
  /** What it was trained on, in the lines of a sweep over several sources. */
  source?: SourceName;
  /**
   * `diverged`: the loss left the finite numbers; `stopped`: the user interrupted it; `dropped`: halving ended it after
   * `epochs`, since others were better by then.
   */
  status: 'done' | 'diverged' | 'stopped' | 'dropped';
  /** Epochs trained. */
  epochs: number;
  /** Counted from 1; 0 when no epoch was finished. */
  bestEpoch: number;
  seconds: number;
  val: Metrics;
  /** Null when there is no test split, or the head was not tested. */
  test: Metrics | null;
  history: EpochRecord[];
  /** Of several heads: how many there are; metrics and epochs are means, and `history` is empty. */
  runs?: number;
  /** Of several heads: the standard deviation of each metric over them. */
  spread?: Metrics;
  /** Of the best lines: where 95 of 100 resamples of the validation rows put the monitored metric. */
  interval?: { low: number; high: number };
  /** Of the best lines: whether resamples cannot tell it from the best; absent where it was not compared. */
  tied?: boolean;
}

/** Best validation value of `metric` first, ties by validation loss, then by id; diverged heads last. */
export function rankResults(results: readonly HeadResult[], metric: MetricName): HeadResult[] {
  return [...results].sort(
    (a, b) =>
      Number(a.status === 'diverged') - Number(b.status === 'diverged') ||
      compareMetric(metric, a.val[metric], b.val[metric]) ||
      compareMetric('loss', a.val.loss, b.val.loss) ||
      a.id.localeCompare(b.id, 'en', { numeric: true }),
  );
}
