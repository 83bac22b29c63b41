/** The TensorFlow engine: GPUs through tfjs-node-gpu, CPUs through tfjs-node, anything else through wasm. */
import type { Tensor } from '@tensorflow/tfjs-core';
import { usage } from '../../errors.ts';
import type { ComputedOperation } from '../../graph/operations/index.ts';
import type { Graph, Value } from '../../graph/value.ts';
import { batchSize, checkLength, concreteShape } from '../arrays.ts';
import type { DeviceChoice, Engine, EngineOptions, Feeds, Program, Results } from '../interface.ts';
import { type Call, TENSORFLOW_OPERATIONS } from './operations.ts';
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
  };
}

/** One value of a run: where its operands are, and which tensors nobody needs after it. */
interface Step {
  compute(operands: Tensor[], batch: number): Tensor;
  operands: number[];
  result: number;
  spent: number[];
}

function compile(tf: Tensorflow, graph: Graph): Program {
  const place = new Map(graph.values.map((value, at) => [value, at]));
  // Weights move to the device once.
  const constants = graph.values.flatMap((value, at) =>
    isConstant(value) ? [{ at, tensor: tf.keep(tf.tensor(value.attributes.data, [...value.shape])) }] : [],
  );
  const steps = planSteps(tf, graph, place);

  const compute = (feeds: Feeds, into: Readonly<Results>): Results => {
    const batch = batchSize(graph, feeds);
    const tensors: Tensor[] = new Array(graph.values.length);
    for (const { at, tensor } of constants) tensors[at] = tensor;
    for (const [name, value] of graph.inputs) {
      const data = checkLength(name, feeds[name], value, batch);
      const dtype = value.dtype === 'uint8' ? 'int32' : 'float32';
      tensors[place.get(value)!] = tf.tensor(data, concreteShape(value.shape, batch), dtype);
    }
    for (const step of steps) {
      tensors[step.result] = step.compute(
        step.operands.map((at) => tensors[at]),
        batch,
      );
      for (const at of step.spent) tensors[at].dispose();
    }
    const results: Results = {};
    for (const [name, value] of graph.outputs) {
      const data = tensors[place.get(value)!].dataSync<'float32'>();
      if (into[name]) checkLength(name, into[name], value, batch);
      into[name]?.set(data);
      results[name] = into[name] ?? data;
    }
    return results;
  };

  return {
    async run(feeds, into = {}) {
      // What an operation makes on the way is freed with everything else when the run ends, however it ends.
      tf.engine().startScope('run');
      try {
        return compute(feeds, into);
      } finally {
        tf.engine().endScope();
      }
    },
    async release() {
      for (const { tensor } of constants) tensor.dispose();
    },
  };
}

/** The computed values in order; activations are freed as soon as their last user has run. */
function planSteps(tf: Tensorflow, graph: Graph, place: ReadonlyMap<Value, number>): Step[] {
  const kept = new Set<Value>(graph.outputs.values());
  const lastUser = new Map<Value, Value>();
  for (const value of graph.values) for (const source of value.inputs) lastUser.set(source, value);
  return graph.values.filter(isComputed).map((value) => ({
    compute: translated(tf, value),
    operands: value.inputs.map((source) => place.get(source)!),
    result: place.get(value)!,
    spent: [...new Set(value.inputs)]
      .filter((source) => lastUser.get(source) === value && !kept.has(source) && source.op !== 'constant')
      .map((source) => place.get(source)!),
  }));
}

function translated<O extends ComputedOperation>(tf: Tensorflow, value: Value<O>): Step['compute'] {
  const translate: (operands: Tensor[], call: Call<O>) => Tensor = TENSORFLOW_OPERATIONS[value.op];
  return (operands, batch) => translate(operands, { tf, value, batch });
}

function isComputed(value: Value): value is Value<ComputedOperation> {
  return value.op !== 'input' && value.op !== 'constant';
}

function isConstant(value: Value): value is Value<'constant'> {
  return value.op === 'constant';
}
