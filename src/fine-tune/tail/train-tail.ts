/** Trains one tail with its head from first batch to last epoch. */
import { performance } from 'node:perf_hooks';
import { type LabelledRows, validationOf } from '../../shared/dataset/data.ts';
import type { HeadConfig } from '../../shared/head/config.ts';
import type { TailSettings } from '../../shared/head/tail-settings.ts';
import { evaluate } from '../../shared/metrics/evaluate.ts';
import { epochOrder, targetFiller } from '../../shared/training/batches.ts';
import { maskSeed } from '../../shared/training/dropout.ts';
import {
  finish,
  type HeadProgress,
  isFinished,
  noteEpoch,
  startProgress,
  type TrainingJob,
  watchedMetrics,
} from '../../shared/training/head-progress.ts';
import { steppingOptimizer } from '../../shared/training/optimizers.ts';
import type { EpochRecord, HeadResult } from '../../shared/training/result.ts';
import type { Tensor } from '../../shared/weights/safetensors.ts';
import { labelledRows, type TailData } from './data.ts';
import type { TailBatch } from './inputs.ts';
import { epochsWaited } from './patience.ts';
import type { SavedTail, TailPosition } from './saved-state.ts';
import { readTrained } from './tensors.ts';
import { createTailTrainer, type TailTrainer, type TrainerOptions } from './trainer.ts';

/** A tail to train; `pauseAfter` asks for the outcome after an epoch, from which it can go on where its state is saved. */
export interface TailJob extends Omit<TrainingJob, 'startAfter'> {
  config: HeadConfig & { tail: TailSettings };
}

/** A tail and head that are done, as they were after their best epoch; without numbers where there is none. */
export interface TrainedTail {
  result: HeadResult;
  /** In the order of headParameters. */
  head: Float32Array;
  /** Weights and statistics behind the cut, by `layer/weight`; from {@link trainTail} those that it changed. */
  tail: ReadonlyMap<string, Tensor>;
  /** Probabilities of the validation rows, [rows, classes]. */
  validation: Float32Array;
}

export interface TailContext extends Omit<TrainerOptions, 'config' | 'batchSize'> {
  data: TailData;
  /** What an earlier run saved of this training. */
  saved?: SavedTail;
  /** Called between steps, which wait for it; what it is given are views of the training itself. */
  save?(saved: () => Promise<SavedTail>): Promise<void>;
  /** Called once more where training paused or was stopped. */
  saveAtEnd?(saved: SavedTail): void;
  onEpoch(record: EpochRecord): void;
  /** Asked between steps; when true, training ends as `stopped` with the best it had. */
  shouldStop(): boolean;
}

/** A training under way. */
interface Run {
  job: TailJob;
  context: TailContext;
  trainer: TailTrainer;
  rows: LabelledRows;
  progress: HeadProgress;
  position: TailPosition;
  /** When this process began with it, and the seconds before that. */
  began: { time: number; seconds: number };
}

/**
 * @returns the tail as it was after its best epoch, and whether training paused
 * @throws UsageError for an optimiser that does not step batch by batch, InputError where the memory or the disk do not suffice
 */
export async function trainTail(
  job: TailJob,
  context: TailContext,
): Promise<{ trained: TrainedTail; isPaused: boolean }> {
  const run = await startRun(job, context);
  const { progress } = run;
  const isPausing = () => progress.result.epochs === job.pauseAfter;
  let isStopped = !(await evaluateStart(run)) && isFinished(progress, true);
  while (!isStopped && !isPausing() && !isFinished(progress, false)) {
    let outcome = await trainEpoch(run);
    if (outcome === 'complete' && !(await evaluateEpoch(run))) outcome = 'stopped';
    if (outcome === 'diverged') noteDivergence(run);
    isStopped = outcome === 'stopped' && isFinished(progress, true);
    if (outcome !== 'stopped') context.onEpoch(progress.result.history.at(-1)!);
    await context.save?.(() => savedTail(run));
  }
  const isPaused = isPausing() && !isFinished(progress, false);
  if (isPaused || isStopped) context.saveAtEnd?.(await savedTail(run));
  run.trainer.release();
  progress.result.seconds = secondsOf(run);
  return { trained: trainedTail(run), isPaused };
}

async function startRun(job: TailJob, context: TailContext): Promise<Run> {
  const { data, saved } = context;
  const { config } = job;
  const rows = labelledRows(data);
  const batchSize = Math.min(config.batchSize, rows.rows.train);
  const trainer = await createTailTrainer({ ...context, config, batchSize });
  const progress = startProgress(job, stepsPerEpoch(rows, config), rows, undefined);
  const position = saved?.position ?? { history: [], step: 0, lossSum: 0, seconds: 0 };
  const began = { time: performance.now(), seconds: position.seconds };
  const run = { job, context, trainer, rows, progress, position, began };
  if (saved) resume(run, saved);
  return run;
}

/** Early stopping compares the first epochs with the start. Returns false when it was told to stop before. */
async function evaluateStart(run: Run): Promise<boolean> {
  const { position, progress, rows, job } = run;
  if (progress.steps > 0 || job.config.earlyStopping === 0 || rows.rows.val === 0) return true;
  position.start ??= (await validate(run))?.val;
  return position.start !== undefined;
}

function resume({ trainer, progress, rows, job }: Run, { position, blocks, best }: SavedTail): void {
  trainer.load(blocks);
  for (const record of position.history) noteEpoch(progress, record, rows);
  progress.steps = position.history.length * stepsPerEpoch(rows, job.config) + position.step;
  progress.best = best;
  wait({ progress, position, job });
}

function stepsPerEpoch({ rows }: LabelledRows, { batchSize }: HeadConfig): number {
  return Math.ceil(rows.train / batchSize);
}

function secondsOf({ began }: Run): number {
  return began.seconds + (performance.now() - began.time) / 1000;
}

/** Goes through the epoch from where it is. */
async function trainEpoch(run: Run): Promise<'complete' | 'stopped' | 'diverged'> {
  const { job, context, trainer, rows, progress, position } = run;
  const { batchSize, seed, tail } = job.config;
  const optimizer = steppingOptimizer(job.config.optimizer);
  const fillTargets = targetFiller(rows, job.config);
  const order = epochOrder(rows.rows.train, seed, progress.result.epochs + 1);
  const batchOf = (step: number) => order.subarray(step * batchSize, (step + 1) * batchSize);
  const cached = (batch: Int32Array) => batch.map((row) => context.data.rows.train.cache[row]);
  while (position.step * batchSize < order.length) {
    if (context.shouldStop()) return 'stopped';
    const own = batchOf(position.step);
    const next = batchOf(position.step + 1);
    const batch: TailBatch = {
      rows: cached(own),
      next: next.length > 0 ? cached(next) : undefined,
      fill: (buffers) => fillTargets(own, buffers),
    };
    const lr = progress.rate.rateAt(progress.steps);
    progress.steps++;
    const settings = { ...job.config, optimizer, lr, step: progress.steps };
    const loss = await trainer.step(batch, settings, tail, maskSeed(seed, progress.steps));
    if (!Number.isFinite(loss)) return 'diverged';
    position.lossSum += loss * own.length;
    position.step++;
    if (next.length > 0) await context.save?.(() => savedTail(run));
  }
  return 'complete';
}

/** Returns false when it was told to stop before it was done. */
async function evaluateEpoch(run: Run): Promise<boolean> {
  const { progress, trainer, position, rows } = run;
  const validation = await validate(run);
  if (!validation) return false;
  const { probabilities, val } = validation;
  const record: EpochRecord = {
    epoch: progress.result.epochs + 1,
    lr: progress.rate.rateAt(progress.steps - 1),
    trainLoss: position.lossSum / rows.rows.train,
    val,
  };
  if (noteEpoch(progress, record, rows))
    progress.best = { parameters: (await trainer.save()).parameters.slice(), probabilities };
  position.history.push(record);
  Object.assign(position, { step: 0, lossSum: 0 });
  wait(run);
  return true;
}

function noteDivergence({ progress, rows }: Run): void {
  const lr = progress.rate.rateAt(progress.steps - 1);
  noteEpoch(progress, { epoch: progress.result.epochs + 1, lr, trainLoss: Number.NaN, val: {} }, rows);
}

/** Patience waits out the first drop. */
function wait({ progress, position, job: { config } }: Pick<Run, 'progress' | 'position' | 'job'>): void {
  const { start, history } = position;
  const { monitor, earlyStopping } = config;
  if (start)
    progress.epochsWithoutBetter = epochsWaited(
      monitor,
      [start, ...history.map(({ val }) => val)].map((metrics) => metrics[monitor]),
      earlyStopping,
    );
}

/** Predictions for the validation rows; undefined when it was told to stop. */
async function validate({ trainer, context, rows, job }: Run) {
  const probabilities = await trainer.predict(context.data.rows.val.cache, context.shouldStop);
  return (
    probabilities && {
      probabilities,
      val: evaluate(validationOf(rows, probabilities), watchedMetrics(job.config, rows)),
    }
  );
}

async function savedTail(run: Run): Promise<SavedTail> {
  const { position, trainer, progress } = run;
  return {
    position: { ...position, seconds: secondsOf(run) },
    blocks: await trainer.save(),
    best: progress.best,
  };
}

function trainedTail({ progress, rows, trainer }: Run): TrainedTail {
  const { result, parameters } = finish(progress, rows);
  if (parameters.length === 0 || !progress.best)
    return { result, head: new Float32Array(0), tail: new Map(), validation: new Float32Array(0) };
  return { result, ...readTrained(parameters, trainer.layout), validation: progress.best.probabilities };
}
