/** The onnxruntime engine: the default on CPUs. */
import { createRequire } from 'node:module';
import { env, InferenceSession, Tensor } from 'onnxruntime-node';
import { messageOf } from '../../errors.ts';
import { add, graph, input } from '../../graph/build.ts';
import type { Graph, Shape, Value } from '../../graph/value.ts';
import { batchSize, checkLength, concreteShape } from '../arrays.ts';
import { checkedOnce } from '../checked.ts';
import type { Device, Engine, EngineOptions, Program, Results } from '../interface.ts';
import { blockSize } from './blocks.ts';
import { discard } from './discard.ts';
import { sessionOptions } from './options.ts';
import { toOnnx } from './translate.ts';

// What it writes to stderr of a provider that is not there is thrown as well, and said in our words.
env.logLevel = 'fatal';

/**
 * The engine on the CPU, or through one of onnxruntime's other execution providers. Where the provider cannot be used,
 * `note` is told and the CPU computes.
 */
export async function createOnnxruntimeEngine({
  threads,
  device,
  note,
}: EngineOptions = {}): Promise<Engine> {
  const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string };
  const onCpu = (graph: Graph) => compile(graph, { threads });
  const engine = { name: 'onnxruntime', singleThreaded: false } as const;
  const cpu: Engine = { ...engine, version, device: 'cpu', compile: onCpu };
  if (device === undefined || device === 'auto' || device === 'cpu') return cpu;
  const problem = await providerProblem(device);
  if (problem !== undefined) {
    note?.(`onnxruntime cannot use ${device} here (${problem}): computing on the CPU`);
    return cpu;
  }
  return {
    ...engine,
    version: `${version} on ${device}`,
    device,
    compile: async (graph) =>
      checkedOnce(await compile(graph, { threads, provider: device }), () => onCpu(graph), device),
  };
}

/** Why an execution provider cannot be used, found out with a graph of one operation; undefined if it can. */
async function providerProblem(provider: Device): Promise<string | undefined> {
  const x = input('x', 'float32', [1]);
  try {
    const program = await compile(graph({ sum: add(x, x) }), { provider });
    await program.run({ x: new Float32Array(1) });
    await program.release();
    return undefined;
  } catch (thrown) {
    return messageOf(thrown).split('\n', 1)[0];
  }
}

async function compile(
  graph: Graph,
  { threads, provider = 'cpu' }: { threads?: number; provider?: Device },
): Promise<Program> {
  const block = provider === 'cpu' && graph.values.some(gainsFromBlocks) ? await blockSize() : undefined;
  const session = await InferenceSession.create(toOnnx(graph, block), sessionOptions(provider, threads));
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
      for (const name of graph.outputs.keys()) {
        const values = computed[name].data as Float32Array;
        results[name] = into[name] ?? values;
        // The binding copies what it has computed into the given array once more.
        if (results[name] !== values) discard(values);
      }
      return results;
    },
    release: () => session.release(),
  };
}

/** Depthwise convolutions with constant kernels are brought into blocks by onnxruntime itself. */
function gainsFromBlocks({ op, inputs }: Value): boolean {
  return op.startsWith('depthwiseConv2d') && inputs[1].op !== 'constant';
}

/** Training feeds the same few arrays millions of times: their tensors are made once. */
function tensorCache() {
  const tensors = new WeakMap<Float32Array | Uint8Array, { tensor: Tensor; batch: number; shape: Shape }>();
  return (name: string, data: Float32Array | Uint8Array | undefined, value: Value, batch: number): Tensor => {
    const existing = data && tensors.get(data);
    if (existing && existing.batch === batch && existing.shape === value.shape) return existing.tensor;
    const checked = checkLength(name, data, value, batch);
    const tensor = new Tensor(value.dtype, checked, concreteShape(value.shape, batch));
    tensors.set(checked, { tensor, batch, shape: value.shape });
    return tensor;
  };
}
