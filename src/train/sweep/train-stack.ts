/** Trains one stack of heads from first batch to last epoch. */
import { performance } from 'node:perf_hooks';
import { type TrainingData, validationOf } from '../../shared/dataset/data.ts';
import type { HeadConfig } from '../../shared/head/config.ts';
import { headLayers, headParameters } from '../../shared/head/layers.ts';
import { evaluate } from '../../shared/metrics/evaluate.ts';
import type { HeadJob } from '../../shared/search/configurations.ts';
import type { Arena } from '../../shared/training/arena.ts';
import { epochOrder, trainingBlock } from '../../shared/training/batches.ts';
import { maskSeed } from '../../shared/training/dropout.ts';
import {
  finish,
  type HeadProgress,
  isFinished,
  noteEpoch,
  type PausedHead,
  pause,
  startProgress,
  type TrainedHead,
  watchedMetrics,
} from '../../shared/training/head-progress.ts';
import type { InitialParameters } from '../../shared/training/initial.ts';
import { freshState, steppingOptimizer, type TrainingState } from '../../shared/training/optimizers.ts';
import type { DeviceData } from './device/device-data.ts';
import { deviceTrainer } from './device/device-trainer.ts';
import { factoredKernel } from './factored.ts';
import { stackLanes } from './plan.ts';
import type { Programs } from './programs.ts';
import { createStack } from './stack.ts';
import { hostTrainer, type StackTrainer } from './trainer.ts';
import type { StackShape } from './training-graph.ts';

export interface StackContext {
  data: TrainingData;
  arena: Arena;
  programs: Programs;
  initial: InitialParameters;
  /** Where stacks keep their numbers on the engine's device; otherwise they train in the arena. */
  device?: DeviceData;
  /** Called as soon as a head is done, while others of its stack go on. */
  onFinished(trained: TrainedHead): void;
  /** Called for each head that reaches its job's `pauseAfter`; its training ends there. */
  onPaused?(paused: PausedHead): void;
  /** Called after each epoch with the number of heads that trained in it. */
  onEpoch(heads: number): void;
  /** Asked between steps; when true, unfinished heads end as `stopped` with the best they had. */
  shouldStop(): boolean;
}

/**
 * Heads of one stack agree in all that {@link planStacks} groups by.
 * @param paused for jobs that start after their first epoch, the heads as they were, in the order of the jobs
 */
export async function trainStack(
  jobs: readonly HeadJob[],
  context: StackContext,
  paused: readonly (PausedHead | undefined)[] = [],
): Promise<void> {
  const { data } = context;
  const [{ config: shared, startAfter = 0 }] = jobs;
  const { layers, lanesOf, load } = trainerLoader(shared, context);
  const stepsPerEpoch = Math.ceil(data.rows.train / shared.batchSize);
  let lanes = jobs.map((job, index) => startProgress(job, stepsPerEpoch, data, paused[index]));
  const initial = context.initial(headParameters(layers), shared.seed);
  let stack = load(
    lanes.map((_, index) => paused[index]?.state ?? freshState(initial, steppingOptimizer(shared.optimizer))),
  );
  // Lanes that are done stay in the stack, ignored, until half of it can go; then it is rebuilt without them.
  let live = lanes.map((_, lane) => lane);

  for (let epoch = startAfter + 1; live.length > 0; epoch++) {
    const started = performance.now();
    const complete = await trainEpoch(stack, lanes, epoch, context);
    if (complete) await evaluateEpoch(stack, lanes, live, epoch, context);
    const seconds = (performance.now() - started) / 1000 / live.length;
    for (const lane of live) lanes[lane].result.seconds += seconds;
    context.onEpoch(live.length);

    const finished = live.filter((lane) => isFinished(lanes[lane], !complete));
    for (const lane of finished) context.onFinished(finish(lanes[lane], data));
    live = live.filter((lane) => !finished.includes(lane));
    const pausing = live.filter((lane) => lanes[lane].job.pauseAfter === epoch);
    const pausingStates = pausing.length > 0 ? await stack.save(pausing) : [];
    for (const [index, lane] of pausing.entries())
      context.onPaused?.(pause(lanes[lane], pausingStates[index], data));
    live = live.filter((lane) => !pausing.includes(lane));
    if (live.length > 0 && lanesOf(live.length) <= stack.lanes / 2) {
      const states = await stack.save(live);
      stack.release();
      lanes = live.map((lane) => lanes[lane]);
      live = lanes.map((_, lane) => lane);
      stack = load(states);
    }
  }
  stack.release();
}

/**
 * What makes trainers of a stack's heads, all of them at first, later of those that are left.
 * @param config of any of the heads, for what all heads of the stack share
 */
function trainerLoader(config: HeadConfig, { data, arena, programs, device }: StackContext) {
  const { inputs, classes } = data;
  const layers = headLayers(config, inputs, classes);
  const largestBatch = Math.min(config.batchSize, data.rows.train);
  const factored = device ? undefined : factoredKernel(layers, inputs, largestBatch);
  const lanesOf = (heads: number) => (device ? heads : stackLanes(config, heads, classes));
  return {
    layers,
    /** Lanes of the stack in which so many heads train. */
    lanesOf,
    /** A trainer with heads in these states. */
    load(states: readonly TrainingState[]): StackTrainer {
      const { output, loss } = config;
      const lanes = lanesOf(states.length);
      const shape: StackShape = {
        layers,
        output,
        loss,
        inputs,
        classes,
        lanes,
        ...(factored && { factored }),
      };
      const trainer = device
        ? deviceTrainer(device, data, arena, shape, config)
        : hostTrainer(createStack(arena, programs, shape, largestBatch), data, config);
      trainer.load(states);
      return trainer;
    },
  };
}

/** Returns false when it was told to stop before the epoch's end. */
async function trainEpoch(
  stack: StackTrainer,
  lanes: readonly HeadProgress[],
  epoch: number,
  context: StackContext,
): Promise<boolean> {
  const { data } = context;
  const [{ job }] = lanes;
  const { seed, batchSize } = job.config;
  const order = epochOrder(data.rows.train, seed, epoch, trainingBlock(data, job.config));
  for (let start = 0; start < order.length; start += batchSize) {
    if (context.shouldStop()) return false;
    const rows = order.subarray(start, start + batchSize);
    const settings = lanes.map(({ job: { config }, rate, steps }) => ({
      ...config,
      optimizer: steppingOptimizer(config.optimizer),
      lr: rate.rateAt(steps),
      step: steps + 1,
    }));
    for (const lane of lanes) lane.steps++;
    await stack.step(rows, settings, maskSeed(seed, lanes[0].steps));
  }
  const losses = await stack.takeLosses();
  for (const [index, lane] of lanes.entries()) lane.lossSum = losses[index];
  return true;
}

async function evaluateEpoch(
  stack: StackTrainer,
  lanes: readonly HeadProgress[],
  live: readonly number[],
  epoch: number,
  { data }: StackContext,
): Promise<void> {
  const all = await stack.validate();
  const better = new Map<number, Float32Array>();
  for (const index of live) {
    const lane = lanes[index];
    const { config } = lane.job;
    const probabilities = laneProbabilities(all, data.rows.val, stack.lanes, data.classes, index);
    const val = evaluate(validationOf(data, probabilities), watchedMetrics(config, data));
    const trainLoss = lane.lossSum / data.rows.train;
    const isBetter = noteEpoch(lane, { epoch, lr: lane.rate.rateAt(lane.steps - 1), trainLoss, val }, data);
    if (isBetter) better.set(index, probabilities);
  }
  if (better.size === 0) return;
  const parameters = await stack.parameters([...better.keys()]);
  for (const [index, [lane, probabilities]] of [...better].entries())
    lanes[lane].best = { parameters: parameters[index], probabilities };
}

/** One lane's probabilities [rows, classes] out of [rows, lanes, classes]. */
export function laneProbabilities(
  all: Float32Array,
  rows: number,
  lanes: number,
  classes: number,
  lane: number,
): Float32Array {
  if (lanes === 1) return all;
  const probabilities = new Float32Array(rows * classes);
  for (let row = 0; row < rows; row++) {
    const start = (row * lanes + lane) * classes;
    probabilities.set(all.subarray(start, start + classes), row * classes);
  }
  return probabilities;
}
