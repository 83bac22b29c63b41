/** One head on its way: what its epochs gave, when it ends, and how it pauses and goes on. */
import { compareMetric } from '../metrics/compare.ts';
import { evaluate } from '../metrics/evaluate.ts';
import type { EpochRecord, HeadResult } from '../results/result.ts';
import { type SweepData, splitTargets } from './data.ts';
import type { HeadJob } from './plan.ts';
import { type LearningRate, learningRate } from './schedule.ts';
import type { LaneState } from './stack.ts';

/** A head that is done, with the parameters of its best epoch in the order of headParameters. */
export interface TrainedHead {
  result: HeadResult;
  parameters: Float32Array;
}

/** A head that waits after some epoch, and all that it needs to go on as if it had not. */
export interface PausedHead {
  /** As if it had ended there. */
  trained: TrainedHead;
  /** Its answers for the validation rows at its best epoch, [rows, classes]. */
  probabilities: Float32Array;
  /** After its last epoch. */
  state: LaneState;
}

/** One head on its way. */
export interface Lane {
  job: HeadJob;
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
export function startLane(
  job: HeadJob,
  stepsPerEpoch: number,
  data: SweepData,
  paused: PausedHead | undefined,
): Lane {
  const lane: Lane = {
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
    for (const record of trained.result.history) noteEpoch(lane, record, data);
    lane.steps = stepsPerEpoch * trained.result.epochs;
    lane.result.seconds = trained.result.seconds;
    lane.best = { parameters: trained.parameters, probabilities };
  }
  return lane;
}

/** Takes in an epoch's outcome and says whether it is the best so far. */
export function noteEpoch(lane: Lane, record: EpochRecord, { rows }: SweepData): boolean {
  const { result } = lane;
  const { monitor } = lane.job.config;
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
  lane.epochsWithoutBetter = isBetter ? 0 : lane.epochsWithoutBetter + 1;
  lane.rate.epochEnded(validates ? isBetter : trainLoss < lane.leastTrainLoss);
  lane.leastTrainLoss = Math.min(lane.leastTrainLoss, trainLoss);
  return isBetter;
}

/** Whether a head trains no longer; marks one that the user interrupted. */
export function isFinished(
  { result, epochsWithoutBetter, job: { config, lastEpoch = config.epochs } }: Lane,
  interrupted: boolean,
): boolean {
  if (interrupted) result.status = 'stopped';
  const exhausted = config.earlyStopping > 0 && epochsWithoutBetter >= config.earlyStopping;
  return interrupted || result.status === 'diverged' || exhausted || result.epochs >= lastEpoch;
}

/** A diverged head keeps its history but counts for nothing. */
export function finish({ result, best }: Lane, data: SweepData): TrainedHead {
  if (!best || result.status === 'diverged')
    return { result: { ...result, val: {} }, parameters: new Float32Array(0) };
  const val = evaluate(best.probabilities, splitTargets(data, 'val'), data.rows.val, data.classes, data.task);
  return { result: { ...result, val }, parameters: best.parameters };
}

/** A head at the end of an epoch, as {@link startLane} takes it. */
export function pause(lane: Lane, state: LaneState, data: SweepData): PausedHead {
  const { best } = lane;
  if (!best) throw new Error('A head that has no finite epoch does not pause');
  return { trained: finish(lane, data), probabilities: best.probabilities, state };
}
