/** 50 steps of a tail and a head beside Keras's (tests/shared/training/golden/make_tails.py). */
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { loadCutBackbone } from '../../src/shared/backbones/cut/load.ts';
import { ACTIVATION } from '../../src/shared/backbones/cut/split.ts';
import type { Engine } from '../../src/shared/engines/engine.ts';
import type { Graph } from '../../src/shared/graph/value.ts';
import { gradientOf, headKey, tailStep } from '../../src/shared/training/tail-step.ts';
import { seededSource } from '../../src/shared/weights/seeded.ts';
import { syntheticPhoto } from './synthetic-photo.ts';

interface Run {
  name: string;
  from: string;
  /** Of the activations, which grow where weights are made up. */
  factor: number;
  optimizer: keyof typeof UPDATES;
  losses: number[];
  weights: Record<string, { change: number; sample: number[] }>;
}

const golden: { runs: Run[] } = JSON.parse(
  readFileSync(new URL('../shared/training/golden/tails.json', import.meta.url), 'utf8'),
);

// As in make_tails.py.
const SIDE = 64;
const CLASSES = 3;
const IMAGES = 8;
const BATCH = 4;
const SAMPLE = 16;

/** Takes a step, with two arrays of state as long as the weights; keras/src/optimizers. */
type Update = (weights: Float32Array, gradient: Float32Array, state: Float64Array[], step: number) => void;

const UPDATES = {
  sgd(weights, gradient, [velocity]) {
    for (let i = 0; i < weights.length; i++) {
      velocity[i] = 0.9 * velocity[i] - 1e-3 * gradient[i];
      weights[i] += velocity[i];
    }
  },
  adam(weights, gradient, [mean, square], step) {
    const rate = (1e-5 * Math.sqrt(1 - 0.999 ** step)) / (1 - 0.9 ** step);
    for (let i = 0; i < weights.length; i++) {
      mean[i] += (gradient[i] - mean[i]) * (1 - 0.9);
      square[i] += (gradient[i] ** 2 - square[i]) * (1 - 0.999);
      weights[i] -= (rate * mean[i]) / (Math.sqrt(square[i]) + 1e-7);
    }
  },
} satisfies Record<string, Update>;

/** The runs of one network, for a table of tests. */
export function tailRuns(name: string): Run[] {
  return golden.runs.filter((run) => run.name === name);
}

/** Fails where losses or weights are further than 1e-4 from Keras's. */
export async function expectKerasTraining(engine: Engine, run: Run): Promise<void> {
  const { losses, weights } = await train(engine, run);
  losses.forEach((loss, step) => {
    expect(Math.abs(loss - run.losses[step]), `loss of step ${step}`).toBeLessThan(1e-4);
  });
  expect([...weights.keys()].sort()).toEqual(Object.keys(run.weights).sort());
  for (const [name, { before, after }] of weights) {
    const { change, sample } = run.weights[name];
    const moved = Math.sqrt(after.reduce((sum, number, i) => sum + (number - before[i]) ** 2, 0));
    expect(Math.abs(moved / change - 1), `change of ${name}`).toBeLessThan(1e-3);
    const every = Math.max(1, Math.floor(after.length / SAMPLE));
    sample.forEach((number, i) => {
      expect(Math.abs(after[i * every] - number), `${name} [${i * every}]`).toBeLessThan(1e-4);
    });
  }
}

async function train(engine: Engine, run: Run) {
  const options = { size: { width: SIDE, height: SIDE }, weights: 'none', poolings: ['avg'] };
  const { front, tail, weights } = await loadCutBackbone({
    ...options,
    name: run.name,
    from: run.from,
    batchNorm: 'frozen',
  });
  const features = tail.outputs.get('avg')!.shape[1];
  // Batch-norm is frozen, as in make_tails.py.
  const [frozen, trained] = [true, false].map((isFrozen) =>
    weights.filter(({ layer }) => /bn$/i.test(layer) === isFrozen),
  );
  const graph = tailStep({
    tail,
    trained: trained.map(({ name }) => name),
    columns: [{ name: 'avg', dimension: features }],
    normalize: 'none',
    statistics: new Map(),
    layers: [{ kind: 'dense', name: 'output', inputs: features, units: CLASSES, bias: true }],
    output: 'softmax',
    loss: 'categorical_crossentropy',
    classes: CLASSES,
    batch: BATCH,
  });
  const head = seededSource(0);
  const values: [string, Float32Array][] = [
    ...trained.map(({ name, data }): [string, Float32Array] => [name, Float32Array.from(data)]),
    [headKey('output/kernel'), turned(head('head', 'kernel', [features, CLASSES]), CLASSES)],
    [headKey('output/bias'), head('head', 'bias', [CLASSES])],
  ];
  const before = new Map(values.map(([name, data]) => [name, Float32Array.from(data)]));
  const feeds = {
    ...Object.fromEntries(frozen.map(({ name, data }) => [name, data])),
    ...Object.fromEntries(values),
  };
  const batches = await activations(engine, front, run.factor);
  const program = await engine.compile(graph);
  const states = values.map(([, data]) => [0, 1].map(() => new Float64Array(data.length)));
  const losses: number[] = [];
  for (let step = 1; step <= run.losses.length; step++) {
    const results = await program.run({ ...feeds, ...batches[(step - 1) % batches.length] });
    losses.push(results.loss[0]);
    for (const [index, [name, data]] of values.entries()) {
      UPDATES[run.optimizer](data, results[gradientOf(name)], states[index], step);
    }
  }
  await program.release();
  return { losses, weights: new Map(values.map(([name, data]) => stored(name, before.get(name)!, data))) };
}

/** A weight before and after, under the name and in the shape that Keras has for it. */
function stored(name: string, before: Float32Array, after: Float32Array) {
  if (name === headKey('output/kernel')) {
    const units = after.length / CLASSES;
    return ['head/kernel', { before: turned(before, units), after: turned(after, units) }] as const;
  }
  return [name === headKey('output/bias') ? 'head/bias' : name, { before, after }] as const;
}

/** A matrix with that many columns, turned. */
function turned(matrix: Float32Array, columns: number): Float32Array {
  const rows = matrix.length / columns;
  return matrix.map((_, i) => matrix[(i % rows) * columns + Math.floor(i / rows)]);
}

/** The feeds of each batch, beside weights. */
async function activations(engine: Engine, front: Graph, factor: number) {
  const program = await engine.compile(front);
  const feeds = [];
  for (let start = 0; start < IMAGES; start += BATCH) {
    const rows = Array.from({ length: BATCH }, (_, row) => start + row);
    const pixels = new Uint8Array(
      rows.flatMap((row) => [...rolled(syntheticPhoto(row % 2 === 0 ? 0 : 1, SIDE, SIDE), 7 * row)]),
    );
    const targets = Float32Array.from({ length: BATCH * CLASSES }, (_, i) =>
      Number(rows[Math.floor(i / CLASSES)] % CLASSES === i % CLASSES),
    );
    const { [ACTIVATION]: activation } = await program.run({ pixels });
    feeds.push({
      [ACTIVATION]: activation.map((number) => number * factor),
      targets,
      weights: new Float32Array(BATCH * CLASSES).fill(1 / BATCH),
    });
  }
  await program.release();
  return feeds;
}

/** An image whose columns are moved to the right, the last ones to the left end. */
function rolled(image: Uint8Array, by: number): Uint8Array {
  return image.map((_, i) => {
    const [row, column, channel] = [Math.floor(i / (3 * SIDE)), Math.floor(i / 3) % SIDE, i % 3];
    return image[(row * SIDE + ((column - by + SIDE * IMAGES) % SIDE)) * 3 + channel];
  });
}
