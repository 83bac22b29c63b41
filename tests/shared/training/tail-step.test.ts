import { expect, it } from 'vitest';
import { loadEngine, type Results } from '../../../src/shared/engines/engine.ts';
import * as build from '../../../src/shared/graph/build.ts';
import { BATCH, elementCount, type Shape } from '../../../src/shared/graph/value.ts';
import { tailStep } from '../../../src/shared/training/tail-step.ts';

it('heads with dropout and batch-norm ask for masks and give the statistics of the batch', () => {
  const activation = build.input('activation', 'float32', [BATCH, 2, 2, 3]);
  const kernel = build.input('conv/kernel', 'float32', [1, 1, 3, 4]);
  const window = { strides: [1, 1], padding: [0, 0, 0, 0], dilations: [1, 1] } as const;
  const map = build.conv2d(activation, kernel, undefined, window);
  const graph = tailStep({
    tail: build.graph({ avg: build.reduceMean(map, { axes: [1, 2], keepDims: false }) }),
    trained: ['conv/kernel'],
    columns: [{ name: 'avg', dimension: 4 }],
    normalize: 'none',
    statistics: new Map(),
    layers: [
      { kind: 'bn', name: 'bn_0', units: 4 },
      { kind: 'dropout', name: 'dropout_0', units: 4, rate: 0.5 },
      { kind: 'dense', name: 'output', inputs: 4, units: 2, bias: true },
    ],
    output: 'sigmoid',
    loss: 'binary_crossentropy',
    classes: 2,
    batch: 8,
  });
  expect(graph.inputs.get('activation')!.shape).toEqual([8, 2, 2, 3]);
  expect(graph.inputs.get('mask:dropout_0')!.shape).toEqual([1, 4, 8]);
  expect(Array.from(graph.outputs, ([name, { shape }]) => [name, shape])).toEqual([
    ['loss', []],
    ['gradient:conv/kernel', [1, 1, 3, 4]],
    ['gradient:head:bn_0/gamma', [1, 4]],
    ['gradient:head:bn_0/beta', [1, 4]],
    ['gradient:head:output/kernel', [1, 2, 4]],
    ['gradient:head:output/bias', [1, 2]],
    ['mean:head:bn_0', [1, 4]],
    ['variance:head:bn_0', [1, 4]],
  ]);
});

it('any number of threads gives the same numbers', async () => {
  const [batch, channels] = [32, 640];
  const window = { strides: [1, 1], padding: [0, 0, 0, 0], dilations: [1, 1] } as const;
  const shapes: Record<string, Shape> = {
    expand: [1, 1, 16, channels],
    depthwise: [3, 3, channels, 1],
    squeeze: [1, 1, channels, 48],
    excite: [1, 1, 48, channels],
  };
  const weight = (name: string) => build.input(name, 'float32', shapes[name]);
  const activation = build.input('activation', 'float32', [BATCH, 4, 4, 16]);
  const around = { ...window, padding: [1, 1, 1, 1] } as const;
  const expanded = build.relu(build.conv2d(activation, weight('expand'), undefined, window));
  const x = build.depthwiseConv2d(expanded, weight('depthwise'), undefined, around);
  const mean = build.reduceMean(x, { axes: [1, 2], keepDims: true });
  const squeezed = build.relu(build.conv2d(mean, weight('squeeze'), undefined, window));
  const gate = build.sigmoid(build.conv2d(squeezed, weight('excite'), undefined, window));
  const graph = tailStep({
    tail: build.graph({ avg: build.reduceMean(build.mul(x, gate), { axes: [1, 2], keepDims: false }) }),
    trained: Object.keys(shapes),
    columns: [{ name: 'avg', dimension: channels }],
    normalize: 'none',
    statistics: new Map(),
    layers: [{ kind: 'dense', name: 'output', inputs: channels, units: 8, bias: true }],
    output: 'softmax',
    loss: 'categorical_crossentropy',
    classes: 8,
    batch,
  });
  const feeds = Object.fromEntries(
    Array.from(graph.inputs, ([name, { shape }]) => [
      name,
      Float32Array.from({ length: elementCount(shape) }, (_, i) => Math.sin(i * 1.3 + name.length)),
    ]),
  );
  const results: Results[] = [];
  for (const threads of [1, 2, 3]) {
    const program = await (await loadEngine('onnxruntime', { threads })).compile(graph);
    results.push(await program.run(feeds));
    await program.release();
  }
  for (const other of results.slice(1)) {
    const differing = Object.keys(other).filter((name) =>
      other[name].some((n, i) => n !== results[0][name][i]),
    );
    expect(differing).toEqual([]);
  }
});
