/** Linear probes on the last layer and on all depths of a store, whichever of them heads were trained on. */
import { principalComponents, project } from '../../shared/analysis/components.ts';
import { type DepthGap, depthGap } from '../../shared/analysis/depth-gap.ts';
import { distinctRows } from '../../shared/analysis/separability.ts';
import type { TrainingData } from '../../shared/dataset/data.ts';
import { selectTargets } from '../../shared/dataset/labels.ts';
import { fitStandardization, normalizeRows } from '../../shared/dataset/normalize.ts';
import { type Columns, readColumns } from '../../shared/dataset/read-columns.ts';
import { allRows, rowsWhere } from '../../shared/dataset/row-numbers.ts';
import type { SplitDataset } from '../../shared/dataset/split-dataset.ts';
import { foldRows } from '../../shared/dataset/splits.ts';
import { TELLING } from '../../shared/diagnosis/learning.ts';
import type { Engine } from '../../shared/engines/interface.ts';
import * as build from '../../shared/graph/build.ts';
import type { Graph } from '../../shared/graph/value.ts';
import type { Task } from '../../shared/head/config.ts';
import { headLayers } from '../../shared/head/layers.ts';
import { resolveConfig } from '../../shared/head/resolve.ts';
import type { Evaluation } from '../../shared/metrics/counts.ts';
import { evaluate } from '../../shared/metrics/evaluate.ts';
import type { FeatureStore } from '../../shared/store/reader.ts';
import { createArena } from '../../shared/training/arena.ts';
import type { TrainedHead } from '../../shared/training/head-progress.ts';
import { createInitialParameters } from '../../shared/training/initial.ts';
import { solveStack } from '../sweep/lbfgs/solve-stack.ts';
import { predictRows } from '../sweep/predict-rows.ts';
import { createPrograms } from '../sweep/programs.ts';
import { createStack } from '../sweep/stack.ts';
import type { StackContext } from '../sweep/train-stack.ts';

/** Images that the probes look at, spread evenly over all. */
const MAX_IMAGES = 1000;
/** Classes beyond which the probes would take long. */
const MAX_CLASSES = 50;
/** Leading components of the standardised features that a probe sees: with more, folds decide its score more than features. */
const WIDTH = 128;
const FOLDS = 5;
/** Divisions into folds, over which predictions are averaged: with one, the gap on 600 images moved by a point. */
const DIVISIONS = 3;
/** Of coordinates with a mean squared length of 1; what has the least loss on the images left out counts. */
const PENALTIES = [1e-2, 1e-3, 1e-4];

/**
 * The gap between exact linear heads on the last layer and on all depths, in cross-validation; undefined where the store
 * has no depths or its backbone random weights, or where the probes would take long.
 * @param store that the chosen head takes its features from
 * @throws InputError for a damaged store
 */
export async function probeDepths(
  { table, raw, task, classes }: SplitDataset,
  store: FeatureStore,
  engine: Engine,
): Promise<DepthGap | undefined> {
  const { backbone, weights } = store.manifest.pipeline;
  if (weights === 'none' || classes.length > MAX_CLASSES) return undefined;
  const rows = distinctRows(table, MAX_IMAGES);
  const columns = rows.length < 2 * FOLDS ? undefined : await readColumns(store, table.hashes, rows);
  if (!columns) return undefined;
  const targets = selectTargets(raw.targets, classes.length, rows);
  const programs = createPrograms(engine);
  const context = { arena: createArena(), programs, initial: createInitialParameters() };
  try {
    const last = await leftOut(columns.last, { task, classes, targets }, context);
    const depths = await leftOut(columns.depths, { task, classes, targets }, context);
    return depthGap(backbone, { last, depths }, TELLING[task]);
  } finally {
    await programs.release();
  }
}

interface Labels {
  task: Task;
  classes: readonly string[];
  /** [rows, classes]. */
  targets: Uint8Array;
}

type Context = Pick<StackContext, 'arena' | 'programs' | 'initial'>;

/** What heads predict for the images that they were not trained on, with the best of the penalties. */
async function leftOut(columns: Columns, labels: Labels, context: Context): Promise<Evaluation> {
  const { task, classes } = labels;
  const { rows } = columns;
  const features = await coordinatesOf(columns, context);
  const sums = PENALTIES.map(() => new Float32Array(rows * classes.length));
  let validated: Int32Array = new Int32Array();
  for (let seed = 0; seed < DIVISIONS; seed++) {
    const { foldOf } = foldRows({ ...labels, groupIds: allRows(rows), seed }, FOLDS);
    validated = rowsWhere(rows, (row) => foldOf[row] >= 0);
    for (let fold = 0; fold < FOLDS; fold++) await addFold(sums, features, labels, { fold, foldOf }, context);
  }
  const targets = selectTargets(labels.targets, classes.length, validated);
  const evaluations = sums.map((sum): Evaluation => {
    const probabilities = selectRows(sum, classes.length, validated).map((value) => value / DIVISIONS);
    return { task, classes: classes.length, rows: validated.length, targets, probabilities };
  });
  const losses = evaluations.map((one) => evaluate(one, ['loss']).loss ?? Number.POSITIVE_INFINITY);
  return evaluations[losses.indexOf(Math.min(...losses))];
}

/** Products of all pairs of rows. */
function gramProduct(rows: number, inputs: number): Graph {
  const [left, right] = ['left', 'right'].map((name) => build.input(name, 'float32', [rows, inputs]));
  return build.graph({ gram: build.matmul(left, right, { transposeA: false, transposeB: true }) });
}

/**
 * The leading components of standardised columns, scaled to a mean squared length of 1. They are found among the rows'
 * products, since rows are fewer than features: G u = s^2 u where the components' scores are s u.
 */
async function coordinatesOf({ values, rows, inputs }: Columns, { programs }: Context): Promise<Columns> {
  const statistics = fitStandardization(() => [values], inputs);
  normalizeRows(values, inputs, 'standardize', statistics);
  const program = await programs.product(gramProduct, rows, inputs);
  const { gram } = await program.run({ left: values, right: values });
  const products = { values: gram as Float32Array, rows, inputs: rows };
  const components = principalComponents(products, WIDTH);
  const { count } = components;
  const coordinates = project(products, components);
  const squares = new Float64Array(count);
  for (const [index, value] of coordinates.entries()) squares[index % count] += value * value;
  const scale = Math.sqrt(rows / squares.reduce((sum, one) => sum + Math.sqrt(one), 0));
  const scaled = coordinates.map((value, index) => (value * scale) / squares[index % count] ** 0.25);
  return { values: scaled, rows, inputs: count };
}

/** Adds the predictions for a fold's rows, of heads that were trained on all others, one for each penalty. */
async function addFold(
  sums: readonly Float32Array[],
  { values, rows, inputs }: Columns,
  { task, classes: { length: classes }, targets }: Labels,
  { fold, foldOf }: { fold: number; foldOf: Int32Array },
  context: Context,
): Promise<void> {
  const train = rowsWhere(rows, (row) => foldOf[row] !== fold);
  const val = rowsWhere(rows, (row) => foldOf[row] === fold);
  const order = Int32Array.from([...train, ...val]);
  const data: TrainingData = {
    task,
    inputs,
    classes,
    rows: { train: train.length, val: val.length, test: 0 },
    features: { none: selectRows(values, inputs, order) },
    targets: selectTargets(targets, classes, order),
  };
  const jobs = PENALTIES.map((l2, index) => ({
    id: String(index),
    config: resolveConfig({ optimizer: 'lbfgs', normalize: 'none', l2 }, task),
  }));
  const heads: TrainedHead[] = [];
  await solveStack(jobs, {
    ...context,
    data,
    onFinished: (head) => void heads.push(head),
    onEpoch: () => {},
    shouldStop: () => false,
  });
  const [{ config }] = jobs;
  const layers = headLayers(config, inputs, classes);
  const { output, loss } = config;
  const shape = { layers, output, loss, inputs, classes, lanes: heads.length };
  const stack = createStack(context.arena, context.programs, shape, 1);
  for (const [lane, { parameters }] of heads.entries()) stack.setParameters(lane, parameters);
  const predicted = await predictRows(stack, data, 'none', { first: train.length, end: order.length });
  for (const [index, row] of val.entries())
    for (const [lane, sum] of sums.entries())
      for (let label = 0; label < classes; label++)
        sum[row * classes + label] += predicted[(index * heads.length + lane) * classes + label];
}

/** Rows of [rows, width]. */
function selectRows(values: Float32Array, width: number, rows: Int32Array): Float32Array {
  const selected = new Float32Array(rows.length * width);
  for (const [to, from] of rows.entries())
    selected.set(values.subarray(from * width, (from + 1) * width), to * width);
  return selected;
}
