/** Folding batch-norm into convolutions changes the graph and nothing it computes. */
import { describe, expect, it } from 'vitest';
import { loadEngine } from '../../../src/shared/engines/engine.ts';
import * as build from '../../../src/shared/graph/build.ts';
import { foldScaleShift } from '../../../src/shared/graph/fold.ts';
import { BATCH, elementCount, type Graph, type Shape, type Value } from '../../../src/shared/graph/value.ts';
import { random } from '../../../src/shared/random.ts';

const stream = random(3, 'fold');
const weights = (shape: Shape) =>
  build.constant(
    Float32Array.from({ length: elementCount(shape) }, () => stream.normal()),
    shape,
  );
const attributes = { strides: [1, 1], padding: [1, 1, 1, 1], dilations: [1, 1] } as const;
const normalised = (x: Value) => build.add(build.mul(x, weights([x.shape[3]])), weights([x.shape[3]]));
const image = () => build.input('image', 'float32', [BATCH, 6, 5, 4]);
const operations = (graph: Graph) => graph.values.map(({ op }) => op).filter((op) => op !== 'constant');

async function sameResults(source: Graph): Promise<Graph> {
  const folded = foldScaleShift(source);
  const engine = await loadEngine('onnxruntime');
  const feeds = Object.fromEntries(
    [...source.inputs].map(([name, { shape }]) => [
      name,
      Float32Array.from({ length: elementCount(shape, 2) }, () => stream.normal()),
    ]),
  );
  const [before, after] = await Promise.all(
    [source, folded].map(async (graph) => (await engine.compile(graph)).run(feeds)),
  );
  for (const name of source.outputs.keys()) {
    const worst = Math.max(...before[name].map((value, i) => Math.abs(value - after[name][i])));
    expect(worst).toBeLessThan(1e-4);
  }
  return folded;
}

describe('foldScaleShift', () => {
  it('folds scale and shift into a convolution', async () => {
    const convolved = build.conv2d(image(), weights([3, 3, 4, 7]), weights([7]), attributes);
    const folded = await sameResults(build.graph({ y: build.relu(normalised(convolved)) }));
    expect(operations(folded)).toEqual(['input', 'conv2d', 'relu']);
  });

  it('folds into a depthwise convolution without a bias', async () => {
    const convolved = build.depthwiseConv2d(image(), weights([3, 3, 4, 1]), undefined, attributes);
    const folded = await sameResults(build.graph({ y: normalised(convolved) }));
    expect(operations(folded)).toEqual(['input', 'depthwiseConv2d']);
  });

  it.each([
    ['conv2d', [3, 3, 4, 4], true],
    ['depthwiseConv2d', [3, 3, 4, 1], false],
  ] as const)('scales the kernel of a %s where weights are fed', async (op, kernel, hasBias) => {
    const fed = (name: string, shape: Shape) => build.input(name, 'float32', shape);
    const bias = hasBias ? fed('bias', [4]) : undefined;
    const make = op === 'conv2d' ? build.conv2d : build.depthwiseConv2d;
    const convolved = make(image(), fed('kernel', kernel), bias, attributes);
    const scale = fed('scale', [4]);
    const scaled = build.mul(convolved, build.sqrt(build.mul(scale, scale)));
    const folded = await sameResults(
      build.graph({ y: build.add(build.add(scaled, fed('shift', [4])), weights([1, 4])) }),
    );
    expect(operations(folded).slice(-1)).toEqual([op]);
    expect(
      folded.values.filter(({ op, shape }) => op !== 'conv2d' && op !== 'depthwiseConv2d' && shape[1] === 6),
    ).toHaveLength(1);
  });

  it('keeps a constant kernel whose scale is fed', async () => {
    const convolved = build.conv2d(image(), weights([3, 3, 4, 4]), undefined, attributes);
    const scaled = build.mul(convolved, build.input('scale', 'float32', [4]));
    const folded = await sameResults(build.graph({ y: build.relu(scaled) }));
    expect(operations(folded)).toEqual(['input', 'input', 'conv2d', 'mul', 'relu']);
  });

  it('keeps a convolution whose plain result is also used', async () => {
    const convolved = build.conv2d(image(), weights([1, 1, 4, 4]), undefined, {
      ...attributes,
      padding: [0, 0, 0, 0],
    });
    const folded = await sameResults(
      build.graph({ y: build.add(normalised(convolved), convolved), plain: convolved }),
    );
    expect(operations(folded)).toEqual(['input', 'conv2d', 'mul', 'add', 'add']);
  });
});
