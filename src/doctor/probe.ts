/** Loads one engine and measures it, in a process of its own: a native library can end the process it is loaded into. */
import { performance } from 'node:perf_hooks';
import { loadBackbone } from '../shared/backbones/load.ts';
import { type Engine, loadEngine } from '../shared/engines/engine.ts';
import { tensorflowEngine } from '../shared/engines/tensorflow/index.ts';
import { RUNTIME_NAMES, tryRuntime } from '../shared/engines/tensorflow/runtime.ts';
import { messageOf } from '../shared/errors.ts';
import * as build from '../shared/graph/build.ts';
import { gradients } from '../shared/graph/gradient.ts';
import { elementCount, type Graph, type Value } from '../shared/graph/value.ts';
import { random } from '../shared/random.ts';
import type { Measure, ProbeResult } from './engines.ts';

/** One run of each: the shipped backbone on a batch of extract's size, and a training step of a common head. */
const MEASURES: Readonly<
  Record<Measure, { threads?: number; perRun: number; load(): Promise<{ graph: Graph; feeds: Feeds }> }>
> = {
  images: {
    perRun: 16,
    async load() {
      const { graph, size } = await loadBackbone({
        name: 'efficientnet_lite0',
        weights: 'imagenet',
        poolings: ['avg'],
      });
      return { graph, feeds: { pixels: new Uint8Array(16 * size.width * size.height * 3).fill(99) } };
    },
  },
  // As in a sweep, where every worker thread has one core.
  headSteps: { threads: 1, perRun: 1, load: async () => headStep({ rows: 32, widths: [2048, 64, 7] }) },
};

type Feeds = Record<string, Float32Array | Uint8Array>;

/** Loss and gradients of a head with a hidden layer; weights are fed, as in training. */
function headStep({ rows, widths }: { rows: number; widths: number[] }): { graph: Graph; feeds: Feeds } {
  const kernels = widths
    .slice(1)
    .map((units, index) => build.input(`kernel${index}`, 'float32', [widths[index], units]));
  const features = build.input('features', 'float32', [rows, widths[0]]);
  const targets = build.input('targets', 'float32', [rows, widths.at(-1)!]);
  const logits = kernels.reduce(
    (x: Value, kernel, index) => build.matmul(index === 0 ? x : build.relu(x), kernel),
    features,
  );
  const loss = build.reduceSum(build.neg(build.mul(targets, build.logSoftmax(logits))), {
    axes: [0, 1],
    keepDims: false,
  });
  const outputs = Object.fromEntries(
    gradients(loss, kernels).map((gradient, index) => [`gradient${index}`, gradient]),
  );
  const stream = random(0, 'doctor');
  const drawn = ({ shape }: Value) =>
    Float32Array.from({ length: elementCount(shape) }, () => stream.normal() / Math.sqrt(shape[0]));
  const feeds = Object.fromEntries(
    [features, targets, ...kernels].map((value) => [value.name!, drawn(value)]),
  );
  return { graph: build.graph({ loss, ...outputs }), feeds };
}

async function probe(name: string, measure: Measure, seconds: number): Promise<ProbeResult> {
  const { threads, perRun, load } = MEASURES[measure];
  const engine = await loadProbed(name, threads);
  if ('reason' in engine) return engine;
  const { version, device, singleThreaded } = engine;
  const found = { usable: true as const, version, device, singleThreaded };
  if (seconds === 0) return found;
  const { graph, feeds } = await load();
  const program = await engine.compile(graph);
  const into = Object.fromEntries(Object.entries(await program.run(feeds)));
  const started = performance.now();
  let runs = 0;
  do {
    await program.run(feeds, into);
    runs++;
  } while (performance.now() - started < seconds * 1000);
  const rate = (runs * perRun) / ((performance.now() - started) / 1000);
  await program.release();
  return { ...found, rate };
}

async function loadProbed(
  name: string,
  threads: number | undefined,
): Promise<Engine | Extract<ProbeResult, { usable: false }>> {
  const runtime = RUNTIME_NAMES.find((choice) => choice === name);
  if (runtime) {
    const found = await tryRuntime(runtime, threads);
    return 'tf' in found ? tensorflowEngine(found) : { usable: false, ...found };
  }
  try {
    return await loadEngine(name, { threads });
  } catch (thrown) {
    return { usable: false, missing: false, reason: messageOf(thrown) };
  }
}

const [name, measure, seconds] = process.argv.slice(2);
process.stdout.write(`\n${JSON.stringify(await probe(name, measure as Measure, Number(seconds)))}\n`);
