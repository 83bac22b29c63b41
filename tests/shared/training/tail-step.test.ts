import { expect, it } from 'vitest';
import * as build from '../../../src/shared/graph/build.ts';
import { BATCH } from '../../../src/shared/graph/value.ts';
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
