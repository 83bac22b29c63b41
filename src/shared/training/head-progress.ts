/** One head on its way: what its epochs gave, when it ends, and how it pauses and goes on. */

import { type LabelledRows, validationOf } from '../dataset/data.ts';
import type { HeadConfig, MetricName } from '../head/config.ts';
import { compareMetric } from '../metrics/compare.ts';
import { evaluate } from '../metrics/evaluate.ts';
import type { TrainingState } from './optimizers.ts';
import type { EpochRecord, HeadResult } from './result.ts';
import { type LearningRate, learningRate } from './schedule.ts';

/** One training, from its first epoch to its last. */
export interface TrainingJob {
  /** Names it in every table and file. */
  id: string;
  config: HeadConfig;
  /** Train so many epochs although `config` allows more: for a head without validation rows. */
  lastEpoch?: number;
  /** Epochs that it has behind it: it goes on as it was paused. */
  startAfter?: number;
  /** Pause after this epoch, unless it ends before. */
  pauseAfter?: number;
}

/** A head that is done, with the parameters of its best epoch in the order of headParameters. */
export interface TrainedHead {
  result: HeadResult;
  parameters: Float32Array;
}

/** A head that waits after some epoch, and all that it needs to go on as if it had not. */
export interface PausedHead {
  /** As if it had ended there. */
  trained: TrainedHead;
  /** Its predictions for the validation rows at its best epoch, [rows, classes]. */
  probabilities: Float32Array;
  /** After its last epoch. */
  state: TrainingState;
}

/** One head on its way. */
export interface HeadProgress {
  job: TrainingJob;
  rate: LearningRate;
  steps: number;
  result: HeadResult;
  /** Parameters and validation probabilities of the best epoch so far. */
  best: { parameters: Float32Array; probabilities: Float32Array } | undefined;
  epochsWithoutBetter: number;
  lossSum: number;
  leastTrainLoss: number;
}

/** @param paused the head as it was, for a job that starts after its first epoch */
export function startProgress(
  job: TrainingJob,
  stepsPerEpoch: number,
  data: LabelledRows,
  paused: PausedHead | undefined,
): HeadProgress {
  const progress: HeadProgress = {
    job,
    rate: learningRate(job.config, stepsPerEpoch),
    steps: 0,
    result: {
      id: job.id,
      config: job.config,
      status: 'done',
      epochs: 0,
      bestEpoch: 0,
      seconds: 0,
      val: {},
      test: null,
      history: [],
    },
    best: undefined,
    epochsWithoutBetter: 0,
    lossSum: 0,
    leastTrainLoss: Number.POSITIVE_INFINITY,
  };
  if (paused) {
    const { trained, probabilities } = paused;
    for (const record of trained.result.history) noteEpoch(progress, record, data);
    progress.steps = stepsPerEpoch * trained.result.epochs;
    progress.result.seconds = trained.result.seconds;
    progress.best = { parameters: trained.parameters, probabilities };
  }
  return progress;
}

/** The metrics watched in every epoch; all others are computed once, for the best epoch. */
export function watchedMetrics({ monitor }: HeadConfig, { task }: Pick<LabelledRows, 'task'>): MetricName[] {
  return [...new Set<MetricName>(['loss', task === 'multiclass' ? 'accuracy' : 'binaryAccuracy', monitor])];
}

/** Takes in an epoch's outcome and says whether it is the best so far. */
export function noteEpoch(progress: HeadProgress, record: EpochRecord, { rows }: LabelledRows): boolean {
  const { result } = progress;
  const { monitor } = progress.job.config;
  const { epoch, trainLoss, val } = record;
  result.history.push(record);
  result.epochs = epoch;
  const validates = rows.val > 0;
  if (!Number.isFinite(trainLoss) || (validates && !Number.isFinite(val.loss ?? Number.NaN))) {
    result.status = 'diverged';
    return false;
  }
  // Without validation rows the last epoch counts, and a plateau is one of the training loss.
  const isBetter =
    !validates || result.bestEpoch === 0 || compareMetric(monitor, val[monitor], result.val[monitor]) < 0;
  if (isBetter) {
    result.bestEpoch = epoch;
    result.val = val;
  }
  progress.epochsWithoutBetter = isBetter ? 0 : progress.epochsWithoutBetter + 1;
  progress.rate.epochEnded(validates ? isBetter : trainLoss < progress.leastTrainLoss);
  progress.leastTrainLoss = Math.min(progress.leastTrainLoss, trainLoss);
  return isBetter;
}

/** Whether a head trains no longer; marks one that the user interrupted. */
export function isFinished(
  { result, epochsWithoutBetter, job: { config, lastEpoch = config.epochs } }: HeadProgress,
  interrupted: boolean,
): boolean {
  if (interrupted) result.status = 'stopped';
  const exhausted = config.earlyStopping > 0 && epochsWithoutBetter >= config.earlyStopping;
  return interrupted || result.status === 'diverged' || exhausted || result.epochs >= lastEpoch;
}

/** A diverged head keeps its history but counts for nothing. */
export function finish({ result, best }: HeadProgress, data: LabelledRows): TrainedHead {
  if (!best || result.status === 'diverged')
    return { result: { ...result, val: {} }, parameters: new Float32Array(0) };
  const val = evaluate(validationOf(data, best.probabilities));
  return { result: { ...result, val }, parameters: best.parameters };
}

/** A head at the end of an epoch, as {@link startProgress} takes it. */
export function pause(progress: HeadProgress, state: TrainingState, data: LabelledRows): PausedHead {
  const { best } = progress;
  if (!best) throw new Error('A head that has no finite epoch does not pause');
  return { trained: finish(progress, data), probabilities: best.probabilities, state };
}
