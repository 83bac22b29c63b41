/** Solves a stack of linear heads exactly: l2-regularised logistic regression, all penalties in one wide product. */
import { performance } from 'node:perf_hooks';
import { splitRange, type TrainingData, validationOf } from '../../../shared/dataset/data.ts';
import { headLayers } from '../../../shared/head/layers.ts';
import { evaluate } from '../../../shared/metrics/evaluate.ts';
import type { HeadJob } from '../../../shared/search/configurations.ts';
import { type Allocate, type Arena, layOut, layoutFloats } from '../../../shared/training/arena.ts';
import { targetFiller } from '../../../shared/training/batches.ts';
import type { TrainedHead } from '../../../shared/training/head-progress.ts';
import { stackLanes } from '../plan.ts';
import { predictRows } from '../predict-rows.ts';
import { createStack } from '../stack.ts';
import { laneProbabilities, type StackContext } from '../train-stack.ts';
import { createLane, type Lane, parametersOf, type Shape, shapeOf } from './lane.ts';
import { LINE_LOSS_LENGTH, type LinePoint, lineLoss, searchLine, type Wanted } from './line-loss.ts';
import { type WideProducts, wideProducts } from './wide-products.ts';

/** Room in the arena for heads that are solved side by side, in floats: 1 GB. */
const MAX_FLOATS = 2 ** 28;

/**
 * A head is solved when no component of the gradient exceeds scikit-learn's default tolerance, and the next step is expected
 * to lower the objective by less than this share of it.
 */
const GRADIENT_TOLERANCE = 1e-4;
const DECREASE_TOLERANCE = 2e-6;
/** So small a gradient is none: without a penalty, separable classes have an infimum of 0 and no minimum. */
const NO_GRADIENT = 1e-7;

const MAX_ITERATIONS = 1000;

/**
 * Minimises, from zero and over all training rows at once, mean loss + l2 * sum(kernel^2), for each head until it is
 * solved or {@link MAX_ITERATIONS} steps are taken. Biases are not penalised. scikit-learn's LogisticRegression with
 * C = 1 / (2 * l2 * rows) has the same minimum (for sigmoid heads, whose loss is a mean over classes,
 * C = 1 / (2 * l2 * rows * classes), one versus rest).
 *
 * Each step costs one product of all heads with the rows, for the logits along every direction, and one back, for the gradients;
 * line searches need logits only.
 */
export async function solveStack(jobs: readonly HeadJob[], context: StackContext): Promise<void> {
  const laneFloats = layoutFloats((allocate) =>
    createLane(jobs[0], context.arena, allocate, shapeOf(context.data)),
  );
  const atOnce = Math.max(1, Math.floor(MAX_FLOATS / laneFloats));
  for (let start = 0; start < jobs.length && !(start > 0 && context.shouldStop()); start += atOnce) {
    await solveTogether(jobs.slice(start, start + atOnce), context);
  }
}

async function solveTogether(jobs: readonly HeadJob[], context: StackContext): Promise<void> {
  const { data, arena, programs, onFinished, onEpoch, shouldStop } = context;
  const [{ config: shared }] = jobs;
  // A product of a single row takes another way through onnxruntime, and rounds otherwise.
  const products = wideProducts(data, shared, programs, Math.max(2, jobs.length * data.classes));
  const shape = shapeOf(data);
  const { wanted, point, all } = layOut(arena, (allocate) => ({
    wanted: wantedArrays(allocate, shape),
    point: allocate(LINE_LOSS_LENGTH),
    all: jobs.map((job) => createLane(job, arena, allocate, shape)),
  }));
  fillWanted(wanted, data, shared);
  const loss = lineLoss(arena.kernels, point, wanted, shared.output);
  for (const lane of all) lane.value = loss(lane, 0).value;

  let lanes = all;
  let started = performance.now();
  await takeGradients(lanes, products, arena, shape);
  while (lanes.length > 0 && !shouldStop()) {
    for (const lane of lanes) {
      lane.direction = lane.curvature.direction(lane.gradient);
      lane.done = isSolved(lane, arena);
    }
    lanes = lanes.filter(({ done }) => !done);
    if (lanes.length === 0) break;
    await takeMotions(lanes, products, shape);
    const moved = lanes;
    for (const lane of lanes) lane.done = !moveAlong(lane, (step) => loss(lane, step), arena, shape);
    lanes = lanes.filter(({ done }) => !done);
    if (lanes.length > 0) await takeGradients(lanes, products, arena, shape);
    for (const lane of lanes) lane.curvature.remember(lane.gradient);
    const seconds = (performance.now() - started) / 1000 / moved.length;
    for (const lane of moved) lane.seconds += seconds;
    started = performance.now();
    // A step counts as an epoch for the progress display, up to the number of epochs it expects.
    onEpoch(lanes.filter(({ iterations, job }) => iterations <= job.config.epochs).length);
  }
  for (const trained of await finishLanes(all, products.means, context)) onFinished(trained);
}

function isSolved({ value, gradient, direction, iterations }: Lane, { kernels }: Arena): boolean {
  const steepest = kernels.largest(gradient.address, gradient.padded);
  const expected = -kernels.dot(direction.address, gradient.address, gradient.padded) / 2;
  return (
    !Number.isFinite(value) ||
    iterations >= MAX_ITERATIONS ||
    steepest <= NO_GRADIENT ||
    (steepest <= GRADIENT_TOLERANCE && expected <= DECREASE_TOLERANCE * value)
  );
}

function wantedArrays(allocate: Allocate, { classes, pitch }: Shape): Wanted {
  const [weightedTargets, sampleWeights] = [allocate(classes * pitch), allocate(classes * pitch)];
  return { classes, pitch, weightedTargets, sampleWeights };
}

/** Targets and weights of all training rows. */
function fillWanted(
  { classes, pitch, weightedTargets, sampleWeights }: Wanted,
  data: TrainingData,
  config: HeadJob['config'],
): void {
  const rows = data.rows.train;
  const batch = {
    targets: new Float32Array(rows * classes),
    weights: new Float32Array(rows * classes),
  };
  targetFiller(data, config)(
    Int32Array.from({ length: rows }, (_, row) => row),
    batch,
  );
  for (let row = 0; row < rows; row++) {
    for (let c = 0; c < classes; c++) {
      const weight = batch.weights[row * classes + c];
      sampleWeights.view[c * pitch + row] = weight;
      weightedTargets.view[c * pitch + row] = weight * batch.targets[row * classes + c];
    }
  }
}

/** Sets every lane's gradient from its residuals. */
async function takeGradients(
  lanes: readonly Lane[],
  products: WideProducts,
  { kernels }: Arena,
  { classes, inputs, kernel, pitch }: Shape,
): Promise<void> {
  const weights = classes * inputs;
  for (const { job, point, gradient, residuals } of lanes) {
    gradient.view.set(point.view.subarray(0, kernel));
    kernels.scale(gradient.address, kernel, 2 * job.config.l2);
    for (let c = 0; c < classes; c++)
      gradient.view[kernel + c] = kernels.sum(
        residuals.address + c * pitch * Float32Array.BYTES_PER_ELEMENT,
        pitch,
      );
  }
  await products.backward(
    Math.max(2, lanes.length * classes),
    (into, first, count) => {
      for (const [index, { residuals }] of lanes.entries()) {
        for (let c = 0; c < classes; c++) {
          const from = c * pitch + first;
          into.set(residuals.view.subarray(from, from + count), (index * classes + c) * count);
        }
      }
    },
    (chunk) => {
      for (const [index, { gradient }] of lanes.entries()) {
        const { view } = gradient;
        for (let i = 0; i < weights; i++) view[i] += chunk[index * weights + i];
      }
    },
  );
}

/** Sets how a step along each lane's direction moves its logits. */
async function takeMotions(
  lanes: readonly Lane[],
  products: WideProducts,
  { classes, inputs, kernel, pitch }: Shape,
): Promise<void> {
  const weights = classes * inputs;
  const directions = new Float32Array(Math.max(2, lanes.length * classes) * inputs);
  for (const [index, { direction }] of lanes.entries())
    directions.set(direction.view.subarray(0, weights), index * weights);
  await products.forward(directions, (logits, first, count) => {
    for (const [index, { direction, logitDirection }] of lanes.entries()) {
      for (let c = 0; c < classes; c++) {
        const bias = direction.view[kernel + c];
        const from = (index * classes + c) * count;
        const moved = logitDirection.view.subarray(c * pitch + first, c * pitch + first + count);
        for (let i = 0; i < count; i++) moved[i] = logits[from + i] + bias;
      }
    }
  });
}

/**
 * Moves a lane along its direction, which becomes the step taken; returns false where rounding leaves nothing to gain.
 * @param loss without the penalty
 */
function moveAlong(
  lane: Lane,
  loss: (step: number) => LinePoint,
  { kernels }: Arena,
  { kernel }: Shape,
): boolean {
  const { point, direction, gradient, logits, logitDirection } = lane;
  const { l2 } = lane.job.config;
  const squares = kernels.dot(point.address, point.address, kernel);
  const mixed = kernels.dot(point.address, direction.address, kernel);
  const speeds = kernels.dot(direction.address, direction.address, kernel);
  const found = searchLine(
    (step) => {
      const { value, slope, curvature } = loss(step);
      return {
        value: value + l2 * (squares + step * (2 * mixed + step * speeds)),
        slope: slope + 2 * l2 * (mixed + step * speeds),
        curvature: curvature + 2 * l2 * speeds,
      };
    },
    { value: lane.value, slope: kernels.dot(direction.address, gradient.address, gradient.padded) },
  );
  if (!found) return false;
  kernels.add(logits.address, logitDirection.address, logits.padded, found.step);
  kernels.scale(direction.address, direction.padded, found.step);
  kernels.add(point.address, direction.address, point.padded, 1);
  lane.value = found.value;
  lane.iterations++;
  return true;
}

async function finishLanes(
  lanes: readonly Lane[],
  means: Float64Array,
  { data, arena, programs }: StackContext,
): Promise<TrainedHead[]> {
  const { inputs, classes } = data;
  const [{ job }] = lanes;
  const { output, loss, normalize } = job.config;
  const layers = headLayers(job.config, inputs, classes);
  const shape = {
    layers,
    output,
    loss,
    inputs,
    classes,
    lanes: stackLanes(job.config, lanes.length, classes),
  };
  // The stack takes the arena from the lanes.
  const parameters = lanes.map((lane) => parametersOf(lane, means, shapeOf(data)));
  const stack = createStack(arena, programs, shape, 1);
  for (const [lane, values] of parameters.entries()) stack.setParameters(lane, values);
  const all = await predictRows(stack, data, normalize, splitRange(data, 'val'));
  return lanes.map(({ job: { id, config }, value, iterations, seconds, done }, lane): TrainedHead => {
    const probabilities = laneProbabilities(all, data.rows.val, stack.lanes, classes, lane);
    const val = evaluate(validationOf(data, probabilities));
    const epochs = Math.max(1, iterations);
    const hasMinimum = Number.isFinite(value);
    const result: TrainedHead['result'] = {
      id,
      config,
      status: !hasMinimum ? 'diverged' : done ? 'done' : 'stopped',
      epochs,
      bestEpoch: epochs,
      seconds,
      val: hasMinimum ? val : {},
      test: null,
      history: [{ epoch: epochs, lr: config.lr, trainLoss: value, val }],
    };
    return { result, parameters: hasMinimum ? parameters[lane] : new Float32Array(0) };
  });
}
