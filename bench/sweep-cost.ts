/** How the cost of a sweep grows, and what heads side by side save. */
import { type Engine, loadEngine } from '../src/shared/engines/engine.ts';
import * as build from '../src/shared/graph/build.ts';
import type { Graph } from '../src/shared/graph/value.ts';
import { elementCount } from '../src/shared/graph/value.ts';
import type { HeadRequest } from '../src/shared/head/options.ts';
import { resolveConfig } from '../src/shared/head/resolve.ts';
import { headSteps, madeUpData } from './heads.ts';
import { median } from './report.ts';

interface Size {
  heads: number;
  epochs: number;
  rows: number;
}

const SMALLEST: Size = { heads: 16, epochs: 1, rows: 3500 };

/** Seconds of a sweep of 2048-64-7 heads with batches of 32. */
async function seconds({ heads, epochs, rows }: Size): Promise<number> {
  const request: Partial<HeadRequest> = { normalize: 'none', earlyStopping: 0, hidden: [64], epochs };
  const configs = Array.from({ length: heads }, (_, index) =>
    resolveConfig({ ...request, lr: 1e-3 / 1.1 ** index }, 'multiclass'),
  );
  return (await headSteps(madeUpData(rows, 2048, 7), configs)).seconds;
}

/** Prints the cost of twice and four times as many heads, epochs and rows. */
export async function printGrowth(): Promise<void> {
  const once = await seconds(SMALLEST);
  console.log(
    `\nGrowth: 16 heads 2048-64-7, 1 epoch, 3,000 rows take ${once.toFixed(2)} s; times that for more`,
  );
  for (const key of ['heads', 'epochs', 'rows'] as const) {
    const ratios: string[] = [];
    for (const times of [2, 4]) {
      const more = await seconds({ ...SMALLEST, [key]: SMALLEST[key] * times });
      ratios.push(`${times}x ${key}: ${(more / once).toFixed(2)}`);
    }
    console.log(`  ${ratios.join('   ')}`);
  }
}

const ROUNDS = 7;
const REPEATS = 40;

/** Milliseconds that a graph takes with arrays of its own for inputs and outputs. */
async function milliseconds(engine: Engine, graph: Graph): Promise<number> {
  const program = await engine.compile(graph);
  const arrays = (values: Graph['inputs']) =>
    Object.fromEntries(
      [...values].map(([name, { shape }]) => [name, new Float32Array(elementCount(shape)).fill(0.1)]),
    );
  const [feeds, into] = [arrays(graph.inputs), arrays(graph.outputs)];
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const started = performance.now();
    for (let index = 0; index < REPEATS; index++) await program.run(feeds, into);
    rounds.push((performance.now() - started) / REPEATS);
  }
  await program.release();
  return median(rounds);
}

/** Prints the time a head takes in the two products of its first layer, on one core, with up to 16 heads side by side. */
export async function printWidths(): Promise<void> {
  const engine = await loadEngine('onnxruntime', { threads: 1 });
  console.log('\nFirst layer of heads 2048-64, batch 32, forward + backward, on one core');
  for (const heads of [1, 2, 4, 8, 16]) {
    const x = build.input('x', 'float32', [32, 2048]);
    const kernel = build.input('w', 'float32', [64 * heads, 2048]);
    const forward = await milliseconds(
      engine,
      build.graph({ y: build.matmul(kernel, x, { transposeA: false, transposeB: true }) }),
    );
    const upstream = build.input('d', 'float32', [64 * heads, 32]);
    const backward = await milliseconds(engine, build.graph({ g: build.matmul(upstream, x) }));
    const each = (forward + backward) / heads;
    console.log(`  ${heads} side by side (${heads * 2} MB with moments): ${each.toFixed(3)} ms a head`);
  }
}

/**
 * Prints what it costs to get an output of onnxruntime into an array that it was given: the work itself is one cheap broadcast.
 * The binding makes a copy of every output, also of those.
 */
export async function printOutputs(): Promise<void> {
  const engine = await loadEngine('onnxruntime', { threads: 1 });
  console.log('\nOutputs into given arrays, on one core');
  for (const numbers of [1, 2 ** 17, 2 ** 21]) {
    const x = build.input('x', 'float32', [1, 1]);
    const run = await milliseconds(engine, build.graph({ y: build.broadcastTo(x, [1, numbers]) }));
    const into = new Float32Array(numbers);
    const started = performance.now();
    for (let index = 0; index < REPEATS; index++) into.fill(index);
    const written = (performance.now() - started) / REPEATS;
    const each = `${run.toFixed(3)} ms a run, ${written.toFixed(3)} ms to write them`;
    console.log(`  ${numbers} numbers: ${each}`);
  }
}
