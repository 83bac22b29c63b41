/** The TensorFlow engine: GPUs through tfjs-node-gpu, CPUs through tfjs-node, anything else through wasm. */
import { setImmediate } from 'node:timers/promises';
import { usage } from '../../errors.ts';
import type { Graph } from '../../graph/value.ts';
import { batchSize, checkLength, concreteShape } from '../arrays.ts';
import type { DeviceChoice, Engine, EngineOptions, Feeds, Program, Results } from '../interface.ts';
import { deviceEngine } from './device.ts';
import { planGraph } from './plan.ts';
import {
  loadRuntime,
  RUNTIME_NAMES,
  type Runtime,
  type RuntimeName,
  type Tensorflow,
  tryRuntime,
} from './runtime.ts';

export interface TensorflowOptions extends EngineOptions {
  /** Packages to try; default: all that know the device, fastest first. */
  runtimes?: readonly RuntimeName[];
}

/** The packages that compute on a device, fastest first. */
const RUNTIMES: Partial<Record<DeviceChoice, readonly RuntimeName[]>> = {
  auto: RUNTIME_NAMES,
  cpu: RUNTIME_NAMES.filter((name) => name !== 'tfjs-node-gpu'),
  cuda: ['tfjs-node-gpu'],
};

/** @throws UsageError for a device that TensorFlow.js has not, InputError when none of its packages can be loaded */
export async function createTensorflowEngine(options: TensorflowOptions = {}): Promise<Engine> {
  const { threads, device = 'auto', note, runtimes = RUNTIMES[device] } = options;
  if (!runtimes) throw usage(`one of ${Object.keys(RUNTIMES).join(', ')}`, '--device of tensorflow', device);
  const runtime = await loadRuntime(threads, runtimes);
  if (device === 'cuda' && runtime.device === 'cpu')
    note?.(`${runtime.name} sees no GPU: computing on the CPU`);
  return tensorflowEngine(runtime);
}

/** The engine on a GPU, if tfjs-node-gpu is installed, loads and sees one. */
export async function gpuEngine({ threads }: EngineOptions): Promise<Engine | undefined> {
  const runtime = await tryRuntime('tfjs-node-gpu', threads);
  return 'tf' in runtime && runtime.device === 'cuda' ? tensorflowEngine(runtime) : undefined;
}

/** The engine that a loaded package is. */
export function tensorflowEngine({ tf, version, device, singleThreaded }: Runtime): Engine {
  return {
    name: 'tensorflow',
    version,
    device,
    singleThreaded,
    compile: async (graph) => compile(tf, graph),
    usesDevice: deviceEngine(tf),
  };
}

function compile(tf: Tensorflow, graph: Graph): Program {
  const plan = planGraph(tf, graph);
  const compute = (feeds: Feeds, into: Readonly<Results>): Results => {
    const batch = batchSize(graph, feeds);
    const inputs = new Map(
      [...graph.inputs].map(([name, value]) => {
        const data = checkLength(name, feeds[name], value, batch);
        const dtype = value.dtype === 'uint8' ? 'int32' : 'float32';
        return [name, tf.tensor(data, concreteShape(value.shape, batch), dtype)];
      }),
    );
    const outputs = plan.compute(inputs, batch);
    const results: Results = {};
    for (const [name, value] of graph.outputs) {
      const data = outputs.get(name)!.dataSync<'float32'>();
      if (into[name]) checkLength(name, into[name], value, batch);
      into[name]?.set(data);
      results[name] = into[name] ?? data;
    }
    return results;
  };

  return {
    async run(feeds, into = {}) {
      // A run keeps its thread busy to the end: between two, messages get their turn.
      await setImmediate();
      // What an operation makes on the way is freed with everything else when the run ends, however it ends.
      tf.engine().startScope('run');
      try {
        return compute(feeds, into);
      } finally {
        tf.engine().endScope();
      }
    },
    async release() {
      plan.release();
    },
  };
}
