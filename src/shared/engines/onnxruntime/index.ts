/** The onnxruntime engine: the default on CPUs. */
import { createRequire } from 'node:module';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Graph, Shape, Value } from '../../graph/value.ts';
import { batchSize, checkLength, concreteShape } from '../arrays.ts';
import type { Engine, EngineOptions, Program, Results } from '../engine.ts';
import { toOnnx } from './translate.ts';

export function createOnnxruntimeEngine({ threads }: EngineOptions = {}): Engine {
  const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string };
  return {
    name: 'onnxruntime',
    version,
    device: 'cpu',
    singleThreaded: false,
    compile: (graph) => compile(graph, threads),
  };
}

/** onnxruntime's ORT_LOGGING_LEVEL_ERROR: its warnings are about its own optimiser, not for users. */
const LOG_ERRORS = 3;

/**
 * Pad_Fusion turns zeros in front of a maximum pool into padding, which never is the maximum: other results wherever
 * activations are negative (microsoft/onnxruntime#24737, still so in 1.30.0).
 */
const UNSAFE_OPTIMIZERS = { optimization: { disable_specified_optimizers: 'Pad_Fusion' } };

async function compile(graph: Graph, threads: number | undefined): Promise<Program> {
  const session = await InferenceSession.create(toOnnx(graph), {
    graphOptimizationLevel: 'all',
    extra: UNSAFE_OPTIMIZERS,
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
    const checked = checkLength(name, data, value, batch);
    const tensor = new Tensor(value.dtype, checked, concreteShape(value.shape, batch));
    tensors.set(checked, { tensor, batch, shape: value.shape });
    return tensor;
  };
}
