/**
 * Twenty networks as PyTorch and TensorFlow export them, cut at several tensors: what the cut model computes is what
 * onnx.utils.extract_model's computes, and it has no more nodes. PERMAFROST_TORCH_PYTHON and PERMAFROST_TF2ONNX_PYTHON
 * name Pythons with the packages that make_networks.py lists. Prints how long the cuts take beside the whole model.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { cutModel } from '../../../../src/shared/backbones/model-file/cut.ts';
import { readGraph } from '../../../../src/shared/backbones/model-file/graph.ts';
import { openModelBackbone } from '../../../../src/shared/backbones/model-file/open.ts';
import { openModelFile } from '../../../../src/shared/engines/onnxruntime/model-file.ts';
import { newFolder } from '../../../support/folders.ts';
import { syntheticPhoto } from '../../../support/synthetic-photo.ts';

const SCRIPT = fileURLToPath(new URL('make_networks.py', import.meta.url));
const PYTHONS = [
  ['torch', process.env.PERMAFROST_TORCH_PYTHON, 14],
  ['tensorflow', process.env.PERMAFROST_TF2ONNX_PYTHON, 6],
] as const;
const SIDE = 64;
const REPEATS = 15;

/** What make_networks.py says of a network. */
interface Network {
  name: string;
  opset: number;
  shape: number[];
  classifierInput: string | null;
  nodes: number;
  cuts: { tensor: string; file: string; nodes: number }[];
}

const folder = newFolder();

/** Numbers from -1 to 1, other ones in each image. */
function images(count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, index) => Math.sin(index * 12.9898 + Math.sqrt(index)));
}

function relativeDifference(found: Float32Array, expected: Float32Array): number {
  expect(found.length).toBe(expected.length);
  const error = Math.hypot(...found.map((value, index) => value - expected[index]));
  return error / (Math.hypot(...expected) || 1);
}

/** A model's output, and the milliseconds of its fastest run. */
async function compute(path: string, bytes: Buffer | undefined, { shape }: Network, output?: string) {
  const session = await openModelFile(path, 'cpu', bytes);
  const data = images(shape.reduce((product, size) => product * size, 1));
  const outputs = [output ?? session.outputs[0]];
  let fastest = Number.POSITIVE_INFINITY;
  let [result] = await session.run(session.inputs[0].name, data, shape, outputs);
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const started = performance.now();
    [result] = await session.run(session.inputs[0].name, data, shape, outputs);
    fastest = Math.min(fastest, performance.now() - started);
  }
  await session.release();
  return { data: result.data, ms: fastest };
}

async function checkCuts(network: Network): Promise<void> {
  const path = join(folder, network.name, 'model.onnx');
  const bytes = readFileSync(path);
  const graph = readGraph(bytes, path);
  expect(graph.nodes.length).toBe(network.nodes);
  const whole = await compute(path, undefined, network);
  const times: string[] = [];
  for (const { tensor, file, nodes } of network.cuts) {
    const cut = cutModel(bytes, graph, [tensor]);
    const expected = await compute(join(folder, network.name, file), undefined, network, tensor);
    const found = await compute(path, cut, network, tensor);
    expect(relativeDifference(found.data, expected.data), `${network.name} ${tensor}`).toBeLessThan(1e-6);
    expect(readGraph(cut ?? bytes, path).nodes.length).toBeLessThanOrEqual(nodes);
    times.push(`${found.ms.toFixed(2)} (extract_model ${expected.ms.toFixed(2)})`);
  }
  console.log(`${network.name}: whole ${whole.ms.toFixed(2)} ms, cuts ${times.join(', ')} ms`);
}

/** What extract stores without --layer. */
async function checkDefault({ name, shape, classifierInput, cuts }: Network): Promise<void> {
  const path = join(folder, name, 'model.onnx');
  const said: string[] = [];
  const { program, description } = await openModelBackbone({
    path,
    preprocess: 'half',
    resize: {},
    poolings: ['avg'],
    engine: {},
    info: (message) => said.push(message),
  });
  const photos = Buffer.concat([syntheticPhoto(0, SIDE, SIDE), syntheticPhoto(1, SIDE, SIDE)]);
  const { avg } = await program.run({ pixels: photos });
  await program.release();
  if (!classifierInput) return;
  expect(said[0]).toContain(`features are ${classifierInput}, which its last layer is fed`);
  const { file } = cuts.find(({ tensor }) => tensor === classifierInput)!;
  const session = await openModelFile(join(folder, name, file));
  const scaled = Float32Array.from(photos, (value) => (value / 255 - 0.5) / 0.5);
  const data = shape[1] === 3 ? coloursFirst(scaled) : scaled;
  const [expected] = await session.run(session.inputs[0].name, data, shape, [classifierInput]);
  await session.release();
  expect(description.columns).toEqual([{ name: 'avg', dimension: expected.shape[1] }]);
  expect(relativeDifference(avg, expected.data), name).toBeLessThan(1e-6);
}

function coloursFirst(rows: Float32Array): Float32Array {
  const places = SIDE * SIDE;
  return Float32Array.from(rows, (_, index) => {
    const [image, rest] = [Math.floor(index / (3 * places)), index % (3 * places)];
    return rows[image * 3 * places + (rest % places) * 3 + Math.floor(rest / places)];
  });
}

describe.each(PYTHONS)('networks of %s', (framework, python, count) => {
  it.skipIf(!python)('are cut as onnx cuts them', async () => {
    const lines = spawnSync(python!, [SCRIPT, framework, folder], { encoding: 'utf8' })
      .stdout.trim()
      .split('\n');
    const networks: Network[] = lines
      .filter((line) => line.startsWith('{"name"'))
      .map((line) => JSON.parse(line));
    expect(networks.length).toBe(count);
    for (const network of networks) {
      await checkCuts(network);
      await checkDefault(network);
    }
  });
});
