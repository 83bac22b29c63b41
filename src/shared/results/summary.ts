/** The object that train-head prints with --json. */

import type { SourceName } from '../dataset/source-options.ts';
import type { HeadConfig, Metrics, Task } from '../head/config.ts';
import type { Training } from './training.ts';

/** The folder of the chosen head inside a run. */
export const BEST_FOLDER = 'best';

export interface TrainSummary {
  /** The run's folder. */
  out: string;
  /** Heads trained. */
  heads: number;
  diverged: number;
  /** Features in memory to last head evaluated. */
  seconds: number;
  /** The whole command. */
  totalSeconds: number;
  task: Task;
  classes: string[];
  /** The majority baseline, on the split the best head is evaluated on: test, or validation where there is none. */
  baseline: Metrics;
  best: { id: string; config: HeadConfig; source?: SourceName; val: Metrics; test: Metrics | null };
}

export function summarise(out: string, training: Training, totalSeconds: number): TrainSummary {
  const { runs, best, baseline, seconds, task, classes } = training;
  const { id, config, source, val, test } = best.result;
  return {
    out,
    heads: runs.length,
    diverged: runs.filter(({ status }) => status === 'diverged').length,
    seconds: rounded(seconds),
    totalSeconds: rounded(totalSeconds),
    task,
    classes,
    baseline,
    best: { id, config, ...(source && { source }), val, test },
  };
}

function rounded(seconds: number): number {
  return Number(seconds.toFixed(3));
}
