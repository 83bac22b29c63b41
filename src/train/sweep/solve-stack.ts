/** Solves a stack of linear heads exactly: l2-regularised logistic regression, all penalties in one wide product. */
import { performance } from 'node:perf_hooks';
import { elementCount } from '../../shared/graph/value.ts';
import { type HeadParameter, headLayers, headParameters } from '../../shared/head/layers.ts';
import { evaluate } from '../metrics/evaluate.ts';
import { batchFiller, trainingBlock } from './batches.ts';
import { partRange, partTargets, type SweepData } from './data.ts';
import type { TrainedHead } from './head-progress.ts';
import { type Minimization, minimize } from './lbfgs.ts';
import { type HeadJob, stackLanes } from './plan.ts';
import { predictRows } from './predict-rows.ts';
import { createStack, type Stack } from './stack.ts';
import { laneProbabilities, type StackContext } from './train-stack.ts';

/** Rows of one evaluation's product; the gradients of larger data are added up piece by piece. */
const MOST_ROWS = 4096;

/** The largest component of the gradient that counts as none, in the units of the mean loss. */
const TOLERANCE = 1e-5;

/** Without a penalty, separable classes have no minimum: weights grow for ever. */
const MOST_ITERATIONS = 1000;

interface Lane {
  job: HeadJob;
  search: Minimization;
  seconds: number;
  done: boolean;
}

/**
 * Minimises, from zero and over all training rows at once, mean loss + l2 * sum(kernel^2), for each head until its
 * gradient vanishes or {@link MOST_ITERATIONS} steps are taken. Biases are not penalised. scikit-learn's LogisticRegression with
 * C = 1 / (2 * l2 * rows) has the same minimum (for sigmoid heads, whose loss is a mean over classes,
 * C = 1 / (2 * l2 * rows * classes), one versus rest).
 */
export async function solveStack(jobs: readonly HeadJob[], context: StackContext): Promise<void> {
  const { data, arena, programs, onFinished, onEpoch, shouldStop } = context;
  const [{ config: shared }] = jobs;
  const layers = headLayers(shared, data.inputs, data.classes);
  const specs = headParameters(layers);
  const size = specs.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  const shape = {
    layers,
    output: shared.output,
    loss: shared.loss,
    inputs: data.inputs,
    classes: data.classes,
  };
  const open = (heads: number): Stack =>
    createStack(
      arena,
      programs,
      { ...shape, lanes: stackLanes(shared, heads, data.classes) },
      rowsAtOnce(data, shared),
    );

  let lanes: Lane[] = jobs.map((job) => ({
    job,
    search: minimize(new Float64Array(size), TOLERANCE),
    seconds: 0,
    done: false,
  }));
  const solved: Lane[] = [];
  let stack = open(lanes.length);
  while (lanes.length > 0 && !shouldStop()) {
    const started = performance.now();
    const evaluated = await evaluateLanes(stack, lanes, data, shared);
    const before = lanes.map(({ search }) => search.iterations);
    for (const [at, lane] of lanes.entries()) {
      const { value, gradient } = penalised(evaluated[at], lane, specs);
      lane.done =
        lane.search.tell(value, gradient) ||
        lane.search.iterations >= MOST_ITERATIONS ||
        !Number.isFinite(value);
    }
    const seconds = (performance.now() - started) / 1000 / lanes.length;
    for (const lane of lanes) lane.seconds += seconds;
    // A step counts as an epoch for the progress display, up to the number of epochs it expects.
    onEpoch(
      lanes.filter(({ search, job }, at) => before[at] < Math.min(search.iterations, job.config.epochs))
        .length,
    );
    solved.push(...lanes.filter(({ done }) => done));
    lanes = lanes.filter(({ done }) => !done);
    if (lanes.length > 0 && stackLanes(shared, lanes.length, data.classes) <= stack.lanes / 2)
      stack = open(lanes.length);
  }
  const all = [...solved, ...lanes];
  stack = open(all.length);
  for (const trained of await finishLanes(stack, all, data)) onFinished(trained);
}

/** Rows of one evaluation's product. */
function rowsAtOnce(data: SweepData, { normalize }: HeadJob['config']): number {
  return Math.min(MOST_ROWS, data.rows.train, trainingBlock(data, { normalize, batchSize: 1 }));
}

/** Mean loss and gradient of each lane at the point it asks about. */
async function evaluateLanes(
  stack: Stack,
  lanes: readonly Lane[],
  data: SweepData,
  config: HeadJob['config'],
): Promise<{ value: number; gradient: Float64Array<ArrayBuffer> }[]> {
  const most = rowsAtOnce(data, config);
  const fill = batchFiller(data, config, trainingBlock(data, { ...config, batchSize: most }));
  const results = lanes.map(({ search }) => ({ value: 0, gradient: new Float64Array(search.point.length) }));
  for (const [lane, { search }] of lanes.entries())
    stack.setParameters(lane, Float32Array.from(search.point));
  for (let start = 0; start < data.rows.train; start += most) {
    const count = Math.min(most, data.rows.train - start);
    fill(
      Int32Array.from({ length: count }, (_, i) => start + i),
      stack.batch(count),
    );
    const losses = await stack.differentiate(count);
    // A batch's weights make its loss a mean over its own rows.
    const share = count / data.rows.train;
    for (const [lane, result] of results.entries()) {
      result.value += losses[lane] * share;
      const gradient = stack.gradient(lane);
      for (let i = 0; i < gradient.length; i++) result.gradient[i] += gradient[i] * share;
    }
  }
  return results;
}

/** Adds l2 * sum(kernel^2) and its gradient. */
function penalised(
  { value, gradient }: { value: number; gradient: Float64Array<ArrayBuffer> },
  { job, search }: Lane,
  specs: readonly HeadParameter[],
): { value: number; gradient: Float64Array<ArrayBuffer> } {
  const { l2 } = job.config;
  let total = value;
  let offset = 0;
  for (const { name, shape } of specs) {
    const end = offset + elementCount(shape);
    if (name.endsWith('/kernel')) {
      for (let i = offset; i < end; i++) {
        total += l2 * search.point[i] ** 2;
        gradient[i] += 2 * l2 * search.point[i];
      }
    }
    offset = end;
  }
  return { value: total, gradient };
}

async function finishLanes(stack: Stack, lanes: readonly Lane[], data: SweepData): Promise<TrainedHead[]> {
  const parameters = lanes.map(({ search }) => Float32Array.from(search.best.point));
  for (const [lane, values] of parameters.entries()) stack.setParameters(lane, values);
  const [{ job }] = lanes;
  const all = await predictRows(stack, data, job.config.normalize, partRange(data, 'val'));
  return lanes.map(({ job: { id, config }, search, seconds, done }, lane): TrainedHead => {
    const probabilities = laneProbabilities(all, data.rows.val, stack.lanes, data.classes, lane);
    const val = evaluate(probabilities, partTargets(data, 'val'), data.rows.val, data.classes, data.task);
    const { best } = search;
    const epochs = Math.max(1, search.iterations);
    const hasMinimum = Number.isFinite(best.value);
    const result: TrainedHead['result'] = {
      id,
      config,
      status: !hasMinimum ? 'diverged' : done ? 'done' : 'stopped',
      epochs,
      bestEpoch: epochs,
      seconds,
      val: hasMinimum ? val : {},
      test: null,
      history: [{ epoch: epochs, lr: config.lr, trainLoss: best.value, val }],
    };
    return { result, parameters: hasMinimum ? parameters[lane] : new Float32Array(0) };
  });
}
