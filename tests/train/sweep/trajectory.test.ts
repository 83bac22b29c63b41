/** Fifty training steps of every optimiser, loss and layer, step by step beside Keras (golden/make_goldens.py). */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../../src/shared/engines/engine.ts';
import {
  type Activation,
  type HeadArchitecture,
  type Loss,
  OPTIMIZERS,
  type OptimizerName,
  type Output,
} from '../../../src/shared/head/config.ts';
import { headLayers, headParameters } from '../../../src/shared/head/layers.ts';
import { createArena } from '../../../src/shared/training/arena.ts';
import { freshState, type StepSettings } from '../../../src/shared/training/optimizers.ts';
import { createPrograms } from '../../../src/train/sweep/programs.ts';
import { createStack, type Stack } from '../../../src/train/sweep/stack.ts';
import { ENGINES_UNDER_TEST, loadUnderTest } from '../../support/engines.ts';
import { numbers } from '../../support/formula-numbers.ts';

interface Golden {
  name: string;
  hidden: number[];
  activation: Activation;
  batchNorm: boolean;
  output: Output;
  optimizer: string;
  extra: {
    l2?: number;
    smoothing?: number;
    class_weight?: boolean;
    sample_weight?: boolean;
    bias?: boolean;
    l1?: number;
    max_norm?: number;
    focal?: boolean;
    se?: number;
  };
  losses: number[];
  weights: string;
}

const INPUTS = 24;
const CLASSES = 5;
const ROWS = 320;
const BATCH = 32;

const { cases } = JSON.parse(
  readFileSync(new URL('./golden/trajectories.json', import.meta.url), 'utf8'),
) as { cases: Golden[] };

/** The optimisers of make_goldens.py. */
const SETTINGS: Record<string, Pick<StepSettings, 'optimizer' | 'lr'> & Partial<StepSettings>> = {
  adam: { optimizer: 'adam', lr: 1e-2 },
  adamw: { optimizer: 'adamw', lr: 1e-2, l2: 0.05 },
  sgd: { optimizer: 'sgd', lr: 5e-2 },
  sgd_momentum: { optimizer: 'sgd', lr: 5e-2, momentum: 0.9 },
  sgd_nesterov: { optimizer: 'sgd', lr: 5e-2, momentum: 0.9, nesterov: true },
  rmsprop: { optimizer: 'rmsprop', lr: 1e-3 },
  rmsprop_momentum: { optimizer: 'rmsprop', lr: 1e-3, momentum: 0.5 },
  adagrad: { optimizer: 'adagrad', lr: 5e-2 },
  adadelta: { optimizer: 'adadelta', lr: 1 },
};

/** Sample weights from 0 to 2, where a case has them. */
const SAMPLE_WEIGHTS = numbers(3, ROWS).map((draw) => 1 + draw);

function data(output: Output): { features: Float32Array; targets: Float32Array } {
  const features = numbers(1, ROWS * INPUTS);
  const noise = numbers(2, ROWS * CLASSES);
  const targets = new Float32Array(ROWS * CLASSES);
  for (let row = 0; row < ROWS; row++) {
    const score = (c: number) =>
      features[row * INPUTS + c] +
      0.5 * features[row * INPUTS + CLASSES + c] +
      0.3 * noise[row * CLASSES + c];
    const scores = Array.from({ length: CLASSES }, (_, c) => score(c));
    if (output === 'softmax') targets[row * CLASSES + scores.indexOf(Math.max(...scores))] = 1;
    else for (const [c, value] of scores.entries()) targets[row * CLASSES + c] = value > 0.2 ? 1 : 0;
  }
  return { features, targets };
}

function initialParameters(layers: ReturnType<typeof headLayers>): Float32Array {
  let key = 100;
  const parts = headParameters(layers).map(({ name, shape }) => {
    const count = shape.reduce((a, b) => a * b);
    if (name.endsWith('moving_mean')) return new Float32Array(count);
    if (name.endsWith('moving_variance')) return new Float32Array(count).fill(1);
    const draws = numbers(key++, count);
    if (name.endsWith('gamma')) return draws.map((d) => 1 + 0.2 * d);
    return draws.map((d) => (shape.length === 2 ? 0.4 : 0.1) * d);
  });
  return Float32Array.from(parts.flatMap((part) => [...part]));
}

function fillBatch(
  stack: Stack,
  golden: Golden,
  { features, targets }: ReturnType<typeof data>,
  start: number,
): void {
  const batch = stack.batch(BATCH);
  const isSoftmax = golden.output === 'softmax';
  const smoothing = golden.extra.smoothing ?? 0;
  batch.features.set(features.subarray(start * INPUTS, (start + BATCH) * INPUTS));
  for (let i = 0; i < BATCH * CLASSES; i++) {
    const target = targets[start * CLASSES + i];
    batch.targets[i] = target * (1 - smoothing) + smoothing / (isSoftmax ? CLASSES : 2);
    const classWeight = golden.extra.class_weight ? 0.5 + 0.5 * (i % CLASSES) : 1;
    const sampleWeight = golden.extra.sample_weight ? SAMPLE_WEIGHTS[start + Math.floor(i / CLASSES)] : 1;
    batch.weights[i] = (classWeight * sampleWeight) / BATCH / (isSoftmax ? 1 : CLASSES);
  }
}

function farthest(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  return Math.max(
    ...Array.from(expected, (value, i) => Math.abs(actual[i] - value) / Math.max(1, Math.abs(value))),
  );
}

async function train(
  engine: Engine,
  golden: Golden,
  lanes: number,
): Promise<{ losses: number[]; weights: Float32Array }[]> {
  const architecture: HeadArchitecture = {
    hidden: golden.hidden,
    activation: golden.activation,
    dropout: 0,
    batchNorm: golden.batchNorm,
    order: ['dense', 'bn', 'activation', 'dropout'],
    bias: golden.extra.bias ?? true,
    normalize: 'none',
    se: golden.extra.se ?? 0,
    output: golden.output,
  };
  const layers = headLayers(architecture, INPUTS, CLASSES);
  const crossentropy: Loss = golden.output === 'softmax' ? 'categorical_crossentropy' : 'binary_crossentropy';
  const loss: Loss = golden.extra.focal ? 'focal' : crossentropy;
  const programs = createPrograms(engine);
  const shape = { layers, output: golden.output, loss, inputs: INPUTS, classes: CLASSES, lanes };
  const stack = createStack(createArena(), programs, shape, BATCH);
  const { l2 = 0, l1 = 0, max_norm: maxNorm = 0 } = golden.extra;
  const settings = { momentum: 0, nesterov: false, l2, l1, maxNorm, ...SETTINGS[golden.optimizer] };
  for (let lane = 0; lane < lanes; lane++)
    stack.load(lane, freshState(initialParameters(layers), settings.optimizer));
  const rows = data(golden.output);
  const losses: number[][] = Array.from({ length: lanes }, () => []);
  for (let step = 0; step < golden.losses.length; step++) {
    fillBatch(stack, golden, rows, (step * BATCH) % ROWS);
    // Only the first lane follows Keras; the others have learning rates of their own and must not disturb it.
    const perLane = losses.map((_, lane) => ({
      ...settings,
      lr: settings.lr / (1 + lane),
      step: step + 1,
    }));
    const stepLosses = await stack.step(BATCH, perLane, step);
    for (const [lane, value] of stepLosses.entries()) losses[lane].push(value);
  }
  const trained = losses.map((laneLosses, lane) => ({
    losses: laneLosses,
    weights: stack.save(lane).parameters,
  }));
  await programs.release();
  return trained;
}

describe.each(ENGINES_UNDER_TEST)('training trajectories on %s', (engineName) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await loadUnderTest(engineName, { threads: 1 });
  });

  it.each(cases.map((golden) => [golden.name, golden] as const))(
    '%s: losses and weights equal Keras',
    async (_, golden) => {
      const [{ losses, weights }] = await train(engine, golden, 1);
      const expected = new Float32Array(Uint8Array.from(Buffer.from(golden.weights, 'base64')).buffer);
      expect(losses).toHaveLength(50);
      expect(farthest(losses, golden.losses)).toBeLessThan(1e-4);
      expect(weights).toHaveLength(expected.length);
      expect(farthest(weights, expected)).toBeLessThan(1e-4);
    },
  );

  it.each(cases)('a lane of a stack equals Keras: $name', async (golden) => {
    const [first, second] = await train(engine, golden, 3);
    expect(farthest(first.losses, golden.losses)).toBeLessThan(1e-4);
    expect(second.losses.at(-1)).toBeGreaterThan(first.losses.at(-1) ?? 0);
  });
});

it('has a golden for every optimiser that steps batch by batch', () => {
  const covered = new Set<OptimizerName>(cases.map(({ optimizer }) => SETTINGS[optimizer].optimizer));
  expect([...covered].sort()).toEqual(OPTIMIZERS.filter((name) => name !== 'lbfgs').sort());
});
