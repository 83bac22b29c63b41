/** Every operation, on every engine, beside onnxruntime. */
import { describe, expect, it } from 'vitest';
import * as build from '../../../src/shared/graph/build.ts';
import { type ComputedOperation, OPERATIONS } from '../../../src/shared/graph/operations/index.ts';
import {
  BATCH,
  type ConvolutionAttributes,
  elementCount,
  type PoolingAttributes,
  type Shape,
  type SpatialPadding,
  type Value,
} from '../../../src/shared/graph/value.ts';
import { random } from '../../../src/shared/random.ts';
import { ENGINES_UNDER_TEST, loadUnderTest } from '../../support/engines.ts';

interface Sample {
  shapes: Shape[];
  make(inputs: Value[]): Value;
}

const ROWS = 3;
const IMAGE: Shape = [BATCH, 9, 7, 4];

const unary = (make: (x: Value) => Value): Sample[] => [{ shapes: [[BATCH, 5]], make: ([x]) => make(x) }];
const binary = (make: (a: Value, b: Value) => Value): Sample[] =>
  [
    [[BATCH, 5], [5]],
    [[BATCH, 5], []],
    [
      [2, 1, 5],
      [3, 1],
    ],
    [IMAGE, [4]],
  ].map((shapes) => ({
    shapes,
    make: ([a, b]: Value[]) => make(a, b),
  }));
const image = (make: (x: Value) => Value): Sample => ({ shapes: [IMAGE], make: ([x]) => make(x) });
const weights = (shape: Shape): Value => {
  const stream = random(3, shape.join('x'));
  return build.constant(
    Float32Array.from({ length: elementCount(shape) }, () => stream.normal()),
    shape,
  );
};

const PADDINGS: SpatialPadding[] = [
  [0, 0, 0, 0],
  [1, 1, 1, 1],
  [0, 1, 0, 1],
  [2, 1, 0, 2],
];
const STRIDES = [
  [1, 1],
  [2, 2],
  [2, 1],
] as const;
const windows = PADDINGS.flatMap((padding) => STRIDES.map((strides) => ({ padding, strides })));
const pools = (make: typeof build.maxPool): Sample[] =>
  windows.map((window) => image((x) => make(x, { ...window, window: [3, 3] })));
const convolutions = (make: typeof build.conv2d, kernel: Shape, outputs: number): Sample[] => [
  ...windows.map((window) =>
    image((x) => make(x, weights(kernel), weights([outputs]), { ...window, dilations: [1, 1] })),
  ),
  image((x) =>
    make(x, weights(kernel), undefined, { strides: [1, 1], padding: [2, 2, 2, 2], dilations: [2, 2] }),
  ),
];
/** Kernels that are computed, not constants, as in training. */
const trained = (make: typeof build.conv2d, kernel: Shape): Sample[] =>
  convolutionWindows(kernel).map((attributes) => ({
    shapes: [IMAGE.with(3, kernel[2]), kernel],
    make: ([x, weight]) => make(x, weight, undefined, attributes),
  }));
/** What meets an image in blocks of channels: numbers a channel, other images, reductions. */
const aroundBlocks: Sample[] = [
  (x: Value, vector: Value) => build.add(build.mul(x, vector), build.relu(x)),
  (x: Value) => build.mul(x, build.sigmoid(build.reduceMean(x, { axes: [1, 2], keepDims: true }))),
  (x: Value, vector: Value) =>
    build.mul(build.add(x, weights([1, 1, 32])), build.reshape(vector, [1, 1, 1, 32])),
  (x: Value) => build.mul(x, build.reduceMean(x, { axes: [3], keepDims: true })),
  (x: Value) => build.reduceSum(x, { axes: [0, 1, 2], keepDims: false }),
  (x: Value) => build.reduceMax(x, { axes: [1, 2], keepDims: false }),
  (x: Value) => build.reduceMax(x, { axes: [1], keepDims: true }),
  (x: Value) => build.concat([x, build.slice(x, { axis: 3, start: 3, end: 7 })], { axis: 3 }),
  (x: Value) =>
    build.pad(build.maxPool(x, { window: [2, 2], strides: [1, 1], padding: [0, 0, 0, 0] }), [1, 0, 0, 1]),
].map((make) => ({
  shapes: [IMAGE.with(3, 32), [3, 3, 32, 1], [32]],
  make([x, kernel, vector]) {
    const around = { strides: [1, 1], padding: [1, 1, 1, 1], dilations: [1, 1] } as const;
    return make(build.depthwiseConv2d(x, kernel, vector, around), vector);
  },
}));
const convolutionGradients = (
  make: typeof build.conv2d,
  kernel: Shape,
  gradient: (inputs: Value[], attributes: ConvolutionAttributes) => Value,
): Sample[] =>
  convolutionWindows(kernel).map((attributes) => {
    const result = make(build.input('x', 'float32', IMAGE), weights(kernel), undefined, attributes);
    return {
      shapes: [IMAGE, kernel, result.shape],
      make: (inputs) => gradient(inputs, attributes),
    };
  });
const convolutionWindows = ([rows, columns]: Shape): ConvolutionAttributes[] => [
  ...windows.map((window) => ({ ...window, dilations: [1, 1] as const })),
  { strides: [1, 1], padding: [rows, rows, columns, columns], dilations: [2, 2] },
  { strides: [1, 1], padding: [rows + 1, 0, columns + 1, 0], dilations: [1, 1] },
];
const SIZE = [IMAGE[1], IMAGE[2]] as const;
const poolGradients = (
  make: typeof build.maxPool,
  gradient: (x: Value, upstream: Value, attributes: PoolingAttributes) => Value,
): Sample[] =>
  windows
    .map((window) => ({ ...window, window: [3, 3] as const }))
    .map((attributes) => ({
      shapes: [IMAGE, make(build.input('x', 'float32', IMAGE), attributes).shape],
      make: ([x, upstream]) => gradient(x, upstream, attributes),
    }));
const reductions = (make: typeof build.reduceSum): Sample[] =>
  [[0], [1], [1, 2], [0, 3]].flatMap((axes) =>
    [true, false].map((keepDims) => image((x) => make(x, { axes, keepDims }))),
  );
const positive = (x: Value) => build.add(build.mul(x, x), build.scalar(0.1));

const SAMPLES: { readonly [O in ComputedOperation]: Sample[] } = {
  add: binary(build.add),
  sub: binary(build.sub),
  mul: binary(build.mul),
  div: binary((a, b) => build.div(a, positive(b))),
  neg: unary(build.neg),
  exp: unary(build.exp),
  log: unary((x) => build.log(positive(x))),
  sqrt: unary((x) => build.sqrt(positive(x))),
  erf: unary(build.erf),
  sign: unary(build.sign),
  relu: unary(build.relu),
  sigmoid: unary((x) => build.sigmoid(build.mul(x, build.scalar(40)))),
  tanh: unary(build.tanh),
  softplus: unary((x) => build.softplus(build.mul(x, build.scalar(40)))),
  clip: unary((x) => build.clip(x, { min: -0.5, max: 1 })),
  isBetween: [
    [-0.5, 1],
    [0, Infinity],
    [-Infinity, 0],
  ].flatMap(([min, max]) => [
    ...unary((x) => build.isBetween(x, { min, max })),
    image((x) => build.isBetween(build.relu(x), { min, max })),
  ]),
  cast: [{ shapes: [[BATCH, 5]], make: ([x]) => build.cast(build.cast(positive(x), 'uint8'), 'float32') }],
  softmax: unary((x) => build.softmax(build.mul(x, build.scalar(100)))),
  logSoftmax: unary((x) => build.logSoftmax(build.mul(x, build.scalar(100)))),
  layerNorm: [
    image((x) => build.layerNorm(x, weights([4]), weights([4]), { epsilon: 1e-6 })),
    { shapes: [[BATCH, 5]], make: ([x]) => build.layerNorm(x, weights([5]), weights([5]), { epsilon: 0.1 }) },
  ],
  matmul: [
    {
      shapes: [
        [BATCH, 4],
        [4, 6],
      ],
      make: ([a, b]) => build.matmul(a, b),
    },
    {
      shapes: [
        [4, 2],
        [6, 4],
      ],
      make: ([a, b]) => build.matmul(a, b, { transposeA: true, transposeB: true }),
    },
    {
      shapes: [
        [BATCH, 1, 4],
        [4, 6],
      ],
      make: ([a, b]) => build.matmul(a, b),
    },
    {
      shapes: [
        [4, 2],
        [3, 4, 6],
      ],
      make: ([a, b]) => build.matmul(a, b, { transposeA: true }),
    },
  ],
  conv2d: [
    ...convolutions(build.conv2d, [3, 3, 4, 5], 5),
    ...convolutions(build.conv2d, [1, 3, 4, 2], 2),
    ...trained(build.conv2d, [3, 2, 4, 5]),
  ],
  depthwiseConv2d: [
    ...convolutions(build.depthwiseConv2d, [3, 3, 4, 1], 4),
    ...trained(build.depthwiseConv2d, [3, 2, 4, 1]),
    // 32: whole blocks of channels, see onnxruntime/blocks.ts.
    ...trained(build.depthwiseConv2d, [3, 2, 32, 1]),
    ...aroundBlocks,
  ],
  maxPool: pools(build.maxPool),
  avgPool: pools(build.avgPool),
  conv2dImageGradient: convolutionGradients(build.conv2d, [3, 2, 4, 5], ([, kernel, upstream], attributes) =>
    build.conv2dImageGradient(upstream, kernel, { ...attributes, size: SIZE }),
  ),
  conv2dKernelGradient: convolutionGradients(build.conv2d, [3, 2, 4, 5], ([x, , upstream], attributes) =>
    build.conv2dKernelGradient(x, upstream, { ...attributes, window: [3, 2] }),
  ),
  depthwiseConv2dImageGradient: convolutionGradients(
    build.depthwiseConv2d,
    [3, 2, 4, 1],
    ([, kernel, upstream], attributes) =>
      build.depthwiseConv2dImageGradient(upstream, kernel, { ...attributes, size: SIZE }),
  ),
  depthwiseConv2dKernelGradient: convolutionGradients(
    build.depthwiseConv2d,
    [3, 2, 4, 1],
    ([x, , upstream], attributes) =>
      build.depthwiseConv2dKernelGradient(x, upstream, { ...attributes, window: [3, 2] }),
  ),
  maxPoolGradient: poolGradients(build.maxPool, (x, upstream, attributes) => {
    // Half of the numbers are 0: windows of equal numbers are met.
    const tied = build.relu(x);
    return build.maxPoolGradient(tied, build.maxPool(tied, attributes), upstream, attributes);
  }),
  avgPoolGradient: poolGradients(build.avgPool, (_, upstream, attributes) =>
    build.avgPoolGradient(upstream, { ...attributes, size: SIZE }),
  ),
  pad: [
    image((x) => build.pad(x, [1, 2, 0, 3])),
    // Zeros before a maximum of negative numbers: no engine may take them for padding.
    image((x) => {
      const negative = build.neg(build.relu(x));
      const padded = build.pad(build.sub(negative, build.scalar(1)), [1, 1, 1, 1]);
      return build.maxPool(padded, { window: [3, 3], strides: [2, 2], padding: [0, 0, 0, 0] });
    }),
  ],
  reduceSum: reductions(build.reduceSum),
  reduceMean: reductions(build.reduceMean),
  reduceMax: reductions(build.reduceMax),
  reshape: [image((x) => build.reshape(x, [BATCH, 63, 4]))],
  broadcastTo: [{ shapes: [[BATCH, 1, 5]], make: ([x]) => build.broadcastTo(x, [BATCH, 2, 5]) }],
  transpose: [image((x) => build.transpose(x, [0, 3, 1, 2]))],
  concat: [
    { shapes: [IMAGE, IMAGE], make: (inputs) => build.concat(inputs, { axis: 3 }) },
    {
      shapes: [
        [2, 3],
        [2, 4],
        [2, 1],
      ],
      make: (inputs) => build.concat(inputs, { axis: 1 }),
    },
  ],
  slice: [image((x) => build.slice(x, { axis: 2, start: 1, end: 4 }))],
};

const names = Object.keys(OPERATIONS) as ComputedOperation[];
const others = ENGINES_UNDER_TEST.filter((name) => name !== 'onnxruntime');

describe.each(others)('%s', (engineName) => {
  it.each(names)('%s gives what onnxruntime gives', async (name) => {
    const engines = [await loadUnderTest('onnxruntime', { threads: 1 }), await loadUnderTest(engineName)];
    for (const { shapes, make } of SAMPLES[name]) {
      const stream = random(1, name);
      const feeds = Object.fromEntries(
        shapes.map((shape, index) => [
          `x${index}`,
          Float32Array.from({ length: elementCount(shape, ROWS) }, () => stream.normal()),
        ]),
      );
      const inputs = shapes.map((shape, index) => build.input(`x${index}`, 'float32', shape));
      const graph = build.graph({ result: make(inputs) });
      const [expected, received] = await Promise.all(
        engines.map(async (engine) => {
          const program = await engine.compile(graph);
          const { result } = await program.run(feeds);
          await program.release();
          return result;
        }),
      );
      expect(received).toHaveLength(expected.length);
      for (const [index, value] of expected.entries()) {
        const error = Math.abs(received[index] - value) / Math.max(1, Math.abs(value));
        expect(error, `${name} [${index}]: ${received[index]} for ${value}`).toBeLessThan(1e-5);
      }
    }
  });

  it('takes pixels as bytes and writes into the arrays it is given', async () => {
    const engine = await loadUnderTest(engineName);
    const pixels = build.input('pixels', 'uint8', [BATCH, 2]);
    const doubled = build.mul(build.cast(pixels, 'float32'), build.scalar(2));
    const program = await engine.compile(build.graph({ doubled }));
    const into = { doubled: new Float32Array(4) };
    const results = await program.run({ pixels: Uint8Array.from([0, 1, 128, 255]) }, into);
    expect(results.doubled).toBe(into.doubled);
    expect([...into.doubled]).toEqual([0, 2, 256, 510]);
    await expect(program.run({})).rejects.toThrow('numbers for pixels but received none');
    await expect(
      program.run({ pixels: new Uint8Array(4) }, { doubled: new Float32Array(3) }),
    ).rejects.toThrow('Expected 4 numbers for doubled but received 3');
    await program.release();
  });
});
