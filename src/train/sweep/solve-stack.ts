/** Solves a stack of linear heads exactly: l2-regularised logistic regression, all penalties in one wide product. */
import { performance } from 'node:perf_hooks';
import { headLayers } from '../../shared/head/layers.ts';
import { evaluate } from '../metrics/evaluate.ts';
import { targetFiller } from './batches.ts';
import { partRange, partTargets, type SweepData } from './data.ts';
import type { TrainedHead } from './head-progress.ts';
import { add, type Curvature, createCurvature, dot, largest, scale, type Vector } from './lbfgs.ts';
import { LOGIT_LOSS, searchLine, type Wanted } from './line-loss.ts';
import { type HeadJob, stackLanes } from './plan.ts';
import { predictRows } from './predict-rows.ts';
import { createStack } from './stack.ts';
import { laneProbabilities, type StackContext } from './train-stack.ts';
import { type WideProducts, wideProducts } from './wide-products.ts';

/** Logits of heads that are solved side by side, at most: 2^25 take 400 MB with their motions and residuals. */
const MOST_LOGITS = 2 ** 25;

/**
 * A head is solved when no component of the gradient exceeds scikit-learn's default tolerance, and the next step is expected
 * to lower the objective by less than this share of it.
 */
const GRADIENT_TOLERANCE = 1e-4;
const DECREASE_TOLERANCE = 2e-6;
/** So small a gradient is none: without a penalty, separable classes have an infimum of 0 and no minimum. */
const NO_GRADIENT = 1e-7;

const MOST_ITERATIONS = 1000;

/** Kernels are [classes, inputs] here, followed by the biases for centred features. */
interface Lane {
  job: HeadJob;
  point: Vector;
  /** The mean loss and the penalty. */
  value: number;
  gradient: Vector;
  direction: Vector;
  curvature: Curvature;
  /** [classes, rows], and how a step along `direction` moves them. */
  logits: Float32Array;
  motion: Float32Array;
  /** The loss's derivative in each logit. */
  residuals: Float32Array;
  iterations: number;
  seconds: number;
  done: boolean;
}

/**
 * Minimises, from zero and over all training rows at once, mean loss + l2 * sum(kernel^2), for each head until it is
 * solved or {@link MOST_ITERATIONS} steps are taken. Biases are not penalised. scikit-learn's LogisticRegression with
 * C = 1 / (2 * l2 * rows) has the same minimum (for sigmoid heads, whose loss is a mean over classes,
 * C = 1 / (2 * l2 * rows * classes), one versus rest).
 *
 * Each step costs one product of all heads with the rows, for the logits along every direction, and one back, for the gradients;
 * line searches need logits only.
 */
export async function solveStack(jobs: readonly HeadJob[], context: StackContext): Promise<void> {
  const { rows, classes } = context.data;
  const atOnce = Math.max(1, Math.floor(MOST_LOGITS / (rows.train * classes)));
  for (let start = 0; start < jobs.length && !(start > 0 && context.shouldStop()); start += atOnce) {
    await solveTogether(jobs.slice(start, start + atOnce), context);
  }
}

async function solveTogether(jobs: readonly HeadJob[], context: StackContext): Promise<void> {
  const { data, programs, onFinished, onEpoch, shouldStop } = context;
  const { inputs, classes, rows } = data;
  const [{ config: shared }] = jobs;
  const along = LOGIT_LOSS[shared.output];
  const wanted = wantedOf(data, shared);
  // A product of a single row takes another way through onnxruntime, and rounds otherwise.
  const products = wideProducts(data, shared, programs, Math.max(2, jobs.length * classes));
  const size = classes * (inputs + 1);
  const logits = () => new Float32Array(classes * rows.train);
  const all = jobs.map((job): Lane => {
    const [zero, residuals] = [logits(), logits()];
    return {
      job,
      point: new Float64Array(size),
      value: along(wanted, zero, zero, 0, residuals).value,
      gradient: new Float64Array(size),
      direction: new Float64Array(size),
      curvature: createCurvature(),
      logits: zero,
      motion: logits(),
      residuals,
      iterations: 0,
      seconds: 0,
      done: false,
    };
  });

  let lanes = all;
  let started = performance.now();
  await takeGradients(lanes, products, data);
  while (lanes.length > 0 && !shouldStop()) {
    for (const lane of lanes) {
      lane.direction = lane.curvature.direction(lane.gradient);
      lane.done = isSolved(lane);
    }
    lanes = lanes.filter(({ done }) => !done);
    if (lanes.length === 0) break;
    await takeMotions(lanes, products, data);
    const before = new Map(lanes.map((lane) => [lane, lane.gradient]));
    for (const lane of lanes) lane.done = !moveAlong(lane, wanted, along);
    lanes = lanes.filter(({ done }) => !done);
    if (lanes.length > 0) await takeGradients(lanes, products, data);
    for (const lane of lanes) {
      const change = lane.gradient.slice();
      add(change, before.get(lane)!, -1);
      lane.curvature.remember(lane.direction, change);
    }
    const seconds = (performance.now() - started) / 1000 / before.size;
    for (const lane of before.keys()) lane.seconds += seconds;
    started = performance.now();
    // A step counts as an epoch for the progress display, up to the number of epochs it expects.
    onEpoch(lanes.filter(({ iterations, job }) => iterations <= job.config.epochs).length);
  }
  for (const trained of await finishLanes(all, products.means, context)) onFinished(trained);
}

function isSolved({ value, gradient, direction, iterations }: Lane): boolean {
  const steepest = largest(gradient);
  const expected = -dot(direction, gradient) / 2;
  return (
    !Number.isFinite(value) ||
    iterations >= MOST_ITERATIONS ||
    steepest <= NO_GRADIENT ||
    (steepest <= GRADIENT_TOLERANCE && expected <= DECREASE_TOLERANCE * value)
  );
}

/** Targets and weights of all training rows, [classes, rows]. */
function wantedOf(data: SweepData, config: HeadJob['config']): Wanted {
  const { classes } = data;
  const rows = data.rows.train;
  const batch = {
    targets: new Float32Array(rows * classes),
    weights: new Float32Array(rows * classes),
  };
  targetFiller(data, config)(
    Int32Array.from({ length: rows }, (_, row) => row),
    batch,
  );
  const [pull, mass] = [new Float64Array(rows * classes), new Float64Array(rows * classes)];
  for (let row = 0; row < rows; row++) {
    for (let c = 0; c < classes; c++) {
      const weight = batch.weights[row * classes + c];
      pull[c * rows + row] = weight * batch.targets[row * classes + c];
      if (config.output === 'softmax') mass[row] += pull[c * rows + row];
      else mass[c * rows + row] = weight;
    }
  }
  return { rows, classes, pull, mass };
}

/** Sets every lane's gradient from its residuals. */
async function takeGradients(
  lanes: readonly Lane[],
  products: WideProducts,
  { inputs, classes, rows: { train: rows } }: SweepData,
): Promise<void> {
  const kernel = classes * inputs;
  for (const lane of lanes) {
    const { point, residuals } = lane;
    const twice = 2 * lane.job.config.l2;
    lane.gradient = new Float64Array(kernel + classes);
    for (let i = 0; i < kernel; i++) lane.gradient[i] = twice * point[i];
    for (let c = 0; c < classes; c++) {
      let sum = 0;
      for (let at = c * rows; at < (c + 1) * rows; at++) sum += residuals[at];
      lane.gradient[kernel + c] = sum;
    }
  }
  await products.backward(
    Math.max(2, lanes.length * classes),
    (into, first, count) => {
      for (const [at, { residuals }] of lanes.entries()) {
        for (let c = 0; c < classes; c++) {
          const from = c * rows + first;
          into.set(residuals.subarray(from, from + count), (at * classes + c) * count);
        }
      }
    },
    (part) => {
      for (const [at, { gradient }] of lanes.entries()) {
        for (let i = 0; i < kernel; i++) gradient[i] += part[at * kernel + i];
      }
    },
  );
}

/** Sets how a step along each lane's direction moves its logits. */
async function takeMotions(
  lanes: readonly Lane[],
  products: WideProducts,
  { inputs, classes, rows: { train: rows } }: SweepData,
): Promise<void> {
  const kernel = classes * inputs;
  const directions = new Float32Array(Math.max(2, lanes.length * classes) * inputs);
  for (const [at, { direction }] of lanes.entries())
    directions.set(direction.subarray(0, kernel), at * kernel);
  await products.forward(directions, (logits, first, count) => {
    for (const [at, { direction, motion }] of lanes.entries()) {
      for (let c = 0; c < classes; c++) {
        const bias = direction[kernel + c];
        const from = (at * classes + c) * count;
        for (let i = 0; i < count; i++) motion[c * rows + first + i] = logits[from + i] + bias;
      }
    }
  });
}

/** Moves a lane along its direction, which becomes the step taken; returns false where rounding leaves nothing to gain. */
function moveAlong(lane: Lane, wanted: Wanted, along: (typeof LOGIT_LOSS)['softmax']): boolean {
  const { point, direction, logits, motion, residuals } = lane;
  const { l2 } = lane.job.config;
  const kernel = direction.length - wanted.classes;
  const [squares, mixed, speeds] = [
    dot(point, point, kernel),
    dot(point, direction, kernel),
    dot(direction, direction, kernel),
  ];
  const found = searchLine(
    (step) => {
      const loss = along(wanted, logits, motion, step, residuals);
      return {
        value: loss.value + l2 * (squares + step * (2 * mixed + step * speeds)),
        slope: loss.slope + 2 * l2 * (mixed + step * speeds),
        curvature: loss.curvature + 2 * l2 * speeds,
      };
    },
    { value: lane.value, slope: dot(direction, lane.gradient) },
  );
  if (!found) return false;
  for (let i = 0; i < logits.length; i++) logits[i] += found.step * motion[i];
  scale(direction, found.step);
  add(point, direction, 1);
  lane.value = found.value;
  lane.iterations++;
  return true;
}

/** A lane's parameters in the order of headParameters, for features that are not centred. */
function parametersOf({ point }: Lane, means: Float64Array, classes: number): Float32Array {
  const inputs = means.length;
  const parameters = new Float32Array(classes * (inputs + 1));
  for (let c = 0; c < classes; c++) {
    let shift = 0;
    for (let i = 0; i < inputs; i++) {
      const weight = point[c * inputs + i];
      parameters[i * classes + c] = weight;
      shift += weight * means[i];
    }
    parameters[inputs * classes + c] = point[inputs * classes + c] - shift;
  }
  return parameters;
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
  const stack = createStack(arena, programs, shape, 1);
  const parameters = lanes.map((lane) => parametersOf(lane, means, classes));
  for (const [lane, values] of parameters.entries()) stack.setParameters(lane, values);
  const all = await predictRows(stack, data, normalize, partRange(data, 'val'));
  return lanes.map(({ job: { id, config }, value, iterations, seconds, done }, lane): TrainedHead => {
    const probabilities = laneProbabilities(all, data.rows.val, stack.lanes, classes, lane);
    const val = evaluate(probabilities, partTargets(data, 'val'), data.rows.val, classes, data.task);
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
