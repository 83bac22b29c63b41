/** The onnxruntime engine: the default on CPUs. */
import { createRequire } from 'node:module';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { BATCH, elementCount, type Graph, type Shape, type Value } from '../../graph/value.ts';
import type { CompileOptions, Engine, Feeds, Program, Results } from '../engine.ts';
import { toOnnx } from './translate.ts';

export function createOnnxruntimeEngine(): Engine {
  const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string };
  return { name: 'onnxruntime', version, compile };
}

/** onnxruntime's ORT_LOGGING_LEVEL_ERROR: its warnings are about its own optimiser, not for users. */
const LOG_ERRORS = 3;

async function compile(graph: Graph, { threads }: CompileOptions = {}): Promise<Program> {
  const session = await InferenceSession.create(toOnnx(graph), {
    graphOptimizationLevel: 'all',
    executionMode: 'sequential',
    logSeverityLevel: LOG_ERRORS,
    ...(threads !== undefined && { intraOpNumThreads: threads, interOpNumThreads: 1 }),
  });
  const tensorOf = tensorCache();

  return {
    async run(feeds, into = {}) {
      const batch = batchSize(graph, feeds);
      const inputs: Record<string, Tensor> = {};
      for (const [name, value] of graph.inputs) inputs[name] = tensorOf(name, feeds[name], value, batch);
      const outputs: Record<string, Tensor | null> = {};
      for (const [name, value] of graph.outputs) {
        outputs[name] = into[name] ? tensorOf(name, into[name], value, batch) : null;
      }
      const computed = await session.run(inputs, outputs);
      const results: Results = {};
      for (const name of graph.outputs.keys())
        results[name] = into[name] ?? (computed[name].data as Float32Array);
      return results;
    },
    release: () => session.release(),
  };
}

/** Training feeds the same few arrays millions of times: their tensors are made once. */
function tensorCache() {
  const tensors = new WeakMap<Float32Array | Uint8Array, { tensor: Tensor; batch: number; shape: Shape }>();
  return (name: string, data: Float32Array | Uint8Array | undefined, value: Value, batch: number): Tensor => {
    const known = data && tensors.get(data);
    if (known && known.batch === batch && known.shape === value.shape) return known.tensor;
    const expected = elementCount(value.shape, batch);
    if (data?.length !== expected) {
      throw new Error(`Expected ${expected} numbers for ${name} but received ${data?.length ?? 'none'}`);
    }
    const dims = value.shape.map((size) => (size === BATCH ? batch : size));
    const tensor = new Tensor(value.dtype, data, dims);
    tensors.set(data, { tensor, batch, shape: value.shape });
    return tensor;
  };
}

/** The open batch size, from the length of the first input that has one. */
function batchSize(graph: Graph, feeds: Feeds): number {
  for (const [name, value] of graph.inputs) {
    if (value.shape[0] === BATCH && feeds[name]) return feeds[name].length / elementCount(value.shape);
  }
  return 1;
}
