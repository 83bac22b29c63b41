/** 50 steps of a tail and a head beside those of Keras `fit` (tests/fine-tune/tail/golden/make_trajectories.py). */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect } from 'vitest';
import type { TailBatch } from '../../src/fine-tune/tail/inputs.ts';
import { createTailPrograms } from '../../src/fine-tune/tail/programs.ts';
import { readTrained } from '../../src/fine-tune/tail/tensors.ts';
import { createTailTrainer } from '../../src/fine-tune/tail/trainer.ts';
import { type CutBackbone, loadCutBackbone } from '../../src/shared/backbones/cut/load.ts';
import { trainedWeights } from '../../src/shared/backbones/cut/weights.ts';
import type { BatchNormMode } from '../../src/shared/backbones/cut/words.ts';
import type { Engine } from '../../src/shared/engines/engine.ts';
import { headTensors } from '../../src/shared/head/head-tensors.ts';
import type { Head } from '../../src/shared/head/record.ts';
import { resolveConfig } from '../../src/shared/head/resolve.ts';
import { activationsInMemory } from '../../src/shared/store/activations/memory.ts';
import { openActivations } from '../../src/shared/store/activations/reader.ts';
import { createArena } from '../../src/shared/training/arena.ts';
import { draws, seededSource } from '../../src/shared/weights/seeded.ts';
import { pipeline } from './pipeline.ts';

interface Run {
  name: string;
  side: number;
  from: string;
  batchNorm: BatchNormMode;
  optimizer: keyof typeof SETTINGS;
  losses: number[];
  /** Of each weight that the loss depends on: norm and projection of its change, and some of its final numbers. */
  weights: Record<string, { change: number; projection: number; sample: number[] }>;
}

const golden: { runs: Run[] } = JSON.parse(
  gunzipSync(
    readFileSync(new URL('../fine-tune/tail/golden/trajectories.json.gz', import.meta.url)),
  ).toString(),
);

// As in make_trajectories.py.
const CLASSES = 3;
const IMAGES = 8;
const BATCH = 4;
const SAMPLE = 4;
const SETTINGS = {
  sgd: { optimizer: 'sgd', lr: 1e-3, momentum: 0.9 },
  adam: { optimizer: 'adam', lr: 1e-5, momentum: 0 },
} as const;

/** Most that a loss or a weight may differ. */
const TOLERANCE = 1e-4;
/**
 * Most that a change may differ, as a part of it. Adam makes steps of small gradients as large as of others, rounding and all: in
 * VGG16 Keras's own changes in float32 and in float64 differ by 7e-3.
 */
const CHANGE_TOLERANCE = { sgd: 1e-3, adam: 5e-2 } as const;
/**
 * The same for runs in which an activation comes so close to a kink of ReLU6 that rounding decides on its gradient: that of one
 * pixel, whose effect momentum carries on.
 */
const CHANGE_TOLERANCE_AT_KINKS: Readonly<Record<string, number>> = { 'mobilenet_v2 frozen sgd': 2e-2 };

/** The runs of networks, all or those of some names, for a table of tests. */
export function tailRuns(names?: readonly string[]): Run[] {
  return golden.runs.filter(({ name }) => names?.includes(name) ?? true);
}

/**
 * Fails where losses or weights are further than 1e-4 from Keras's; returns how far they are.
 * @param usesDevice whether the tail is kept on the engine's device
 */
export async function expectKerasTraining(engine: Engine, run: Run, usesDevice: boolean) {
  const { losses, weights } = await train(engine, run, usesDevice);
  const off = { loss: 0, weight: 0, change: 0 };
  const { name: network, batchNorm, optimizer } = run;
  const tolerance =
    CHANGE_TOLERANCE_AT_KINKS[`${network} ${batchNorm} ${optimizer}`] ?? CHANGE_TOLERANCE[optimizer];
  losses.forEach((loss, step) => {
    const difference = Math.abs(loss - run.losses[step]);
    off.loss = Math.max(off.loss, difference);
    expect(difference, `loss of step ${step + 1}`).toBeLessThan(TOLERANCE);
  });
  for (const [name, { before, after }] of weights) {
    const expected = run.weights[name];
    if (!expected) {
      expectNoEffect(name, before, after);
      continue;
    }
    const change = after.map((number, i) => number - before[i]);
    const norm = Math.sqrt(change.reduce((sum, number) => sum + number ** 2, 0));
    const sign = draws(`signs/${name}`);
    const projection = change.reduce((sum, number, i) => sum + (sign(i) < 0 ? number : -number), 0);
    for (const difference of [norm - expected.change, projection - expected.projection]) {
      const part = Math.abs(difference) / expected.change;
      off.change = Math.max(off.change, part);
      expect(part, `change of ${name}`).toBeLessThan(tolerance);
    }
    const every = Math.max(1, Math.floor(after.length / SAMPLE));
    expected.sample.forEach((number, i) => {
      const difference = Math.abs(after[i * every] - number);
      off.weight = Math.max(off.weight, difference);
      expect(difference, `${name} [${i * every}]`).toBeLessThan(TOLERANCE);
    });
  }
  expect(Object.keys(run.weights).filter((name) => !weights.has(name))).toEqual([]);
  return off;
}

/** What a batch's mean takes out again has no gradient but for rounding, of which Adam may make whole steps. */
function expectNoEffect(name: string, before: Float64Array, after: Float64Array): void {
  expect(name).toMatch(/\/(bias|beta)$/);
  const most = after.reduce((max, number, i) => Math.max(max, Math.abs(number - before[i])), 0);
  expect(most, name).toBeLessThan(1e-3);
}

async function train(engine: Engine, run: Run, usesDevice: boolean) {
  const { name, side, from, batchNorm } = run;
  const size = { width: side, height: side };
  const network = await loadCutBackbone({ name, size, weights: 'none', poolings: ['avg'], from, batchNorm });
  const start = seededHead(network, run);
  const reader = openActivations(activations(network));
  const programs = createTailPrograms();
  const trainer = await createTailTrainer({
    arena: createArena(),
    engine,
    usesDevice,
    programs,
    network,
    start,
    config: start.record.config,
    trained: trainedWeights(network.weights, 'all-but-batch-norm').map(({ name: weight }) => weight),
    reader,
    batchSize: BATCH,
  });
  const numbers = async () => readTrained((await trainer.save()).parameters, trainer.layout);
  const before = await numbers();
  const settings = { ...start.record.config, ...SETTINGS[run.optimizer] };
  const losses: number[] = [];
  for (let step = 1; step <= run.losses.length; step++)
    losses.push(await trainer.step(batchOf(step), { ...settings, step }, { lrTail: 1, clip: 0 }, 0));
  const after = await numbers();
  trainer.release();
  await programs.release();
  await reader.close();
  return { losses, weights: kerasWeights(network, before, after) };
}

function batchOf(step: number): TailBatch {
  const rows = Int32Array.from({ length: BATCH }, (_, row) => ((step - 1) * BATCH + row) % IMAGES);
  return {
    rows,
    fill({ targets, weights }) {
      targets.fill(0);
      for (const [row, image] of rows.entries()) targets[row * CLASSES + (image % CLASSES)] = 1;
      weights.fill(1 / BATCH);
    },
  };
}

type Numbers = ReturnType<typeof readTrained>;

/** Weights before and after, by their names in Keras. */
function kerasWeights({ tailColumns }: CutBackbone, before: Numbers, after: Numbers) {
  const weights = new Map<string, { before: Float64Array; after: Float64Array }>();
  for (const [name, { data }] of before.tail)
    weights.set(name, {
      before: Float64Array.from(data),
      after: Float64Array.from(after.tail.get(name)!.data),
    });
  const kernel = tailColumns[0].dimension * CLASSES;
  for (const [name, begin, end] of [
    ['head/kernel', 0, kernel],
    ['head/bias', kernel, kernel + CLASSES],
  ] as const) {
    const part = ({ head }: Numbers) => Float64Array.from(head.subarray(begin, end));
    weights.set(name, { before: part(before), after: part(after) });
  }
  return weights;
}

/** A dense layer for three classes. */
function seededHead({ tailColumns }: CutBackbone, { optimizer }: Run): Head {
  const [{ dimension }] = tailColumns;
  const config = resolveConfig({ ...SETTINGS[optimizer], normalize: 'none' }, 'multiclass');
  const source = seededSource(0);
  const parameters = Float32Array.from([
    ...source('head', 'kernel', [dimension, CLASSES]),
    ...source('head', 'bias', [CLASSES]),
  ]);
  const record: Head['record'] = {
    format: 'permafrost-head',
    formatVersion: 1,
    version: '0.1.0',
    engine: { name: 'onnxruntime', version: '1' },
    task: 'multiclass',
    classes: Array.from({ length: CLASSES }, (_, index) => `${index}`),
    config,
    sources: [{ pipeline: pipeline(), columns: ['avg'], dimension }],
    metrics: { val: {}, test: null },
  };
  return { record, tensors: headTensors(record, parameters, undefined) };
}

/** Activations of made-up images, between -0.5 and 1: each has a mean of its own in each channel. */
function activations({ cut }: CutBackbone) {
  const [height, width, channels] = cut.shape;
  const step = cut.isHalved ? 2 : 1;
  const images = Array.from({ length: IMAGES }, (_, k) => {
    const [means, places] = [uniform(`channels/${k}`), uniform(`places/${k}`)];
    return Float32Array.from({ length: height * width * channels }, (_, i) => {
      const channel = i % channels;
      const column = step * (Math.floor(i / channels) % width);
      const row = step * Math.floor(i / (channels * width));
      return means(channel) + 0.5 * places((row * step * width + column) * channels + channel) - 0.5;
    });
  });
  return activationsInMemory({
    shape: cut.shape,
    contents: images.map((_, k) => ({ sha256: `${k}`.padStart(64, '0'), view: 0 })),
    activations: Float32Array.from(images.flatMap((image) => [...image])),
  });
}

function uniform(key: string): (index: number) => number {
  const draw = draws(key);
  return (index) => (draw(index) >>> 8) / 2 ** 24;
}
