/** Every gradient rule, on every engine, against central finite differences. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../../src/shared/engines/engine.ts';
import { ACTIVATION_FUNCTIONS } from '../../../src/shared/graph/activations.ts';
import * as build from '../../../src/shared/graph/build.ts';
import { gradients } from '../../../src/shared/graph/gradient.ts';
import { GRADIENT_RULES } from '../../../src/shared/graph/gradients/index.ts';
import type { ComputedOperation } from '../../../src/shared/graph/operations/index.ts';

import {
  type ConvolutionAttributes,
  elementCount,
  type Shape,
  type Value,
} from '../../../src/shared/graph/value.ts';
import { random, shuffle } from '../../../src/shared/random.ts';
import { ENGINES_UNDER_TEST, loadUnderTest } from '../../support/engines.ts';

interface Sample {
  shapes: Shape[];
  make: (inputs: Value[]) => Value;
  /** Values the operation is smooth at; default: normal numbers, none closer to 0 than 0.1. */
  positive?: boolean;
  /** Values that differ by 0.1 or more, since an operation chooses among them. */
  apart?: boolean;
}

const pair = (make: (a: Value, b: Value) => Value): Sample[] => [
  {
    shapes: [
      [3, 4],
      [3, 4],
    ],
    make: ([a, b]) => make(a, b),
    positive: true,
  },
  { shapes: [[2, 3, 4], [4]], make: ([a, b]) => make(a, b), positive: true },
  {
    shapes: [
      [3, 1],
      [2, 1, 4],
    ],
    make: ([a, b]) => make(a, b),
    positive: true,
  },
];
const single = (make: (x: Value) => Value, positive = false): Sample[] => [
  { shapes: [[3, 5]], make: ([x]) => make(x), positive },
];
const matmuls = [false, true].flatMap((transposeA) =>
  [false, true].flatMap((transposeB): Sample[] => {
    const a = transposeA ? [4, 3] : [3, 4];
    const b = transposeB ? [5, 4] : [4, 5];
    const make = ([x, y]: Value[]) => build.matmul(x, y, { transposeA, transposeB });
    return [
      { shapes: [a, b], make },
      {
        shapes: [
          [2, ...a],
          [2, ...b],
        ],
        make,
      },
      { shapes: [a, [2, ...b]], make },
    ];
  }),
);

const WINDOWS: ConvolutionAttributes[] = [
  { strides: [1, 1], padding: [0, 0, 0, 0], dilations: [1, 1] },
  { strides: [1, 1], padding: [1, 1, 1, 1], dilations: [1, 1] },
  { strides: [2, 2], padding: [0, 1, 1, 0], dilations: [1, 1] },
  { strides: [2, 1], padding: [2, 0, 0, 3], dilations: [1, 1] },
  { strides: [1, 1], padding: [2, 1, 1, 2], dilations: [2, 2] },
];
const KERNELS = [
  [3, 3],
  [1, 1],
  [2, 3],
];
/** Every window with one kernel, every kernel with several windows. */
const convolutions = (make: typeof build.conv2d, channels: number): Sample[] =>
  [...WINDOWS, ...WINDOWS.slice(2, 4)].map((attributes, index) => ({
    shapes: [[1, 4, 5, 2], [...KERNELS[index % KERNELS.length], 2, channels], [Math.max(2, channels)]],
    make: ([x, kernel, bias]: Value[]) => make(x, kernel, bias, attributes),
  }));
const pools = (make: typeof build.maxPool): Sample[] =>
  WINDOWS.slice(0, 3).flatMap(({ strides, padding }) =>
    [2, 3].map((size) => ({
      shapes: [[1, 4, 5, 2]],
      make: ([x]: Value[]) => make(x, { strides, padding, window: [size, 3] }),
      apart: true,
    })),
  );

const SAMPLES: Partial<Record<ComputedOperation, Sample[]>> = {
  add: pair(build.add),
  sub: pair(build.sub),
  mul: pair(build.mul),
  div: pair(build.div),
  neg: single(build.neg),
  exp: single(build.exp),
  log: single(build.log, true),
  sqrt: single(build.sqrt, true),
  sign: single(build.sign),
  erf: single(build.erf),
  relu: single(build.relu),
  sigmoid: single(build.sigmoid),
  tanh: single(build.tanh),
  softplus: single(build.softplus),
  clip: single((x) => build.clip(x, { min: -0.05, max: 1.05 })),
  conv2d: convolutions(build.conv2d, 3),
  depthwiseConv2d: convolutions(build.depthwiseConv2d, 1),
  maxPool: pools(build.maxPool),
  avgPool: pools(build.avgPool),
  pad: [{ shapes: [[2, 3, 2, 2]], make: ([x]) => build.pad(x, [1, 2, 0, 3]) }],
  layerNorm: [
    {
      shapes: [[2, 3, 4], [4], [4]],
      make: ([x, gamma, beta]) => build.layerNorm(x, gamma, beta, { epsilon: 1e-3 }),
    },
  ],
  softmax: single(build.softmax),
  logSoftmax: single(build.logSoftmax),
  matmul: matmuls,
  reduceSum: [
    ...single((x) => build.reduceSum(x, { axes: [0], keepDims: false })),
    ...single((x) => build.reduceSum(x, { axes: [0, 1], keepDims: true })),
  ],
  reduceMean: [
    ...single((x) => build.reduceMean(x, { axes: [1], keepDims: false })),
    ...single((x) => build.reduceMean(x, { axes: [0], keepDims: true })),
  ],
  reduceMax: [
    { shapes: [[3, 5]], make: ([x]) => build.reduceMax(x, { axes: [1], keepDims: false }), apart: true },
    {
      shapes: [[2, 3, 2, 2]],
      make: ([x]) => build.reduceMax(x, { axes: [1, 2], keepDims: true }),
      apart: true,
    },
  ],
  reshape: single((x) => build.reshape(x, [5, 3])),
  broadcastTo: [{ shapes: [[3, 1]], make: ([x]) => build.broadcastTo(x, [2, 3, 4]) }],
  transpose: [{ shapes: [[2, 3, 4]], make: ([x]) => build.transpose(x, [2, 0, 1]) }],
  concat: [
    {
      shapes: [
        [2, 3],
        [2, 4],
      ],
      make: (inputs) => build.concat(inputs, { axis: 1 }),
    },
  ],
  slice: single((x) => build.slice(x, { axis: 1, start: 1, end: 4 })),
};

const POINT = { strides: [1, 1], padding: [0, 0, 0, 0], dilations: [1, 1] } as const;
const SPACE = { axes: [1, 2], keepDims: true };
const frozen = (kernel: Shape): Value =>
  build.constant(
    Float32Array.from({ length: elementCount(kernel) }, (_, i) => Math.sin(i)),
    kernel,
  );

/** What backbones are made of, where one operation's gradient meets another's. */
const LAYERS: Record<string, Sample> = {
  swish: { shapes: [[3, 5]], make: ([x]) => ACTIVATION_FUNCTIONS.swish(x) },
  gelu: { shapes: [[3, 5]], make: ([x]) => ACTIVATION_FUNCTIONS.gelu(x) },
  hardSwish: { shapes: [[3, 5]], make: ([x]) => ACTIVATION_FUNCTIONS.hard_swish(x) },
  'a squeeze-and-excitation gate': {
    shapes: [
      [2, 2, 3, 2],
      [1, 1, 2, 2],
    ],
    make: ([x, kernel]) =>
      build.mul(x, build.sigmoid(build.conv2d(build.reduceMean(x, SPACE), kernel, undefined, POINT))),
  },
  'a residual block of a trained and a frozen convolution': {
    shapes: [[2, 3, 3, 2], [1, 1, 2, 2], [2]],
    make([x, kernel, bias]) {
      const trained = build.add(build.conv2d(x, kernel, undefined, POINT), bias);
      const around = { ...POINT, padding: [1, 1, 1, 1] } as const;
      return build.add(x, build.conv2d(build.sigmoid(trained), frozen([3, 3, 2, 2]), undefined, around));
    },
  },
  'a pool beside a convolution': {
    shapes: [
      [1, 4, 4, 2],
      [2, 2, 2, 3],
    ],
    make([x, kernel]) {
      const halved = { strides: [2, 2], padding: [0, 0, 0, 0] } as const;
      const convolved = build.conv2d(x, kernel, undefined, { ...halved, dilations: [1, 1] });
      return build.concat([convolved, build.maxPool(x, { ...halved, window: [2, 2] })], { axis: 3 });
    },
    apart: true,
  },
  'a trained scale behind a frozen convolution': {
    shapes: [[2, 3, 3, 2], [2], []],
    make: ([x, scale, factor]) =>
      build.mul(build.mul(build.conv2d(x, frozen([3, 3, 2, 2]), undefined, POINT), scale), factor),
  },
};

const differentiable = Object.keys(GRADIENT_RULES) as ComputedOperation[];

describe.each(ENGINES_UNDER_TEST)('gradient rules on %s', (engineName) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await loadUnderTest(engineName, { threads: 1 });
  });

  it.each(differentiable)('%s agrees with finite differences', async (name) => {
    const samples = SAMPLES[name];
    expect(samples, `a sample for ${name}`).toBeDefined();
    for (const sample of samples ?? []) await checkGradients(engine, name, sample);
  });

  it.each(Object.keys(LAYERS))('%s agrees with finite differences', async (name) => {
    await checkGradients(engine, name, LAYERS[name]);
  });

  it('adds up the gradients of a value that is used twice', async () => {
    await checkGradients(engine, 'reuse', {
      shapes: [[4]],
      make: ([x]) => build.mul(build.add(x, x), build.sigmoid(x)),
    });
  });
});

describe('gradients', () => {
  it('refuses a loss that is not one number', () => {
    const x = build.input('x', 'float32', [3]);
    expect(() => gradients(x, [x])).toThrow('A loss is one number, received [3]');
  });

  it('refuses a parameter the loss does not depend on', () => {
    const [x, y] = ['x', 'y'].map((name) => build.input(name, 'float32', []));
    expect(() => gradients(x, [y])).toThrow('The loss does not depend on y');
  });
});

/** Compares the gradient of a weighted sum of the operation's result. Float32 allows steps of 1e-2 and errors of 1e-3. */
async function checkGradients(
  engine: Engine,
  name: string,
  { shapes, make, positive, apart }: Sample,
): Promise<void> {
  const stream = random(1, name);
  const draw = () => {
    const number = stream.normal();
    return positive ? 0.5 + Math.abs(number) : number + Math.sign(number) * 0.1;
  };
  const drawAll = (length: number): Float32Array => {
    if (!apart) return Float32Array.from({ length }, draw);
    const ranks = shuffle(
      Array.from({ length }, (_, rank) => rank),
      stream,
    );
    return Float32Array.from(ranks, (rank) => (rank - length / 2) / 10);
  };
  const inputs = shapes.map((shape, index) => build.input(`x${index}`, 'float32', shape));
  const feeds = Object.fromEntries(shapes.map((shape, index) => [`x${index}`, drawAll(elementCount(shape))]));
  const result = make(inputs);
  const weights = build.constant(
    Float32Array.from({ length: elementCount(result.shape) }, draw),
    result.shape,
  );
  const axes = result.shape.map((_, axis) => axis);
  const loss = build.reduceSum(build.mul(result, weights), { axes, keepDims: false });
  const outputs = {
    loss,
    ...Object.fromEntries(gradients(loss, inputs).map((value, index) => [`d${index}`, value])),
  };
  const program = await engine.compile(build.graph(outputs));
  const analytic = await program.run(feeds);
  const step = 1e-2;
  for (const [index, key] of Object.keys(feeds).entries()) {
    for (let i = 0; i < feeds[key].length; i++) {
      const shifted = async (by: number) => {
        const moved = Float32Array.from(feeds[key]);
        moved[i] += by;
        return (await program.run({ ...feeds, [key]: moved })).loss[0];
      };
      const numeric = ((await shifted(step)) - (await shifted(-step))) / (2 * step);
      const scale = Math.max(1, Math.abs(numeric));
      expect(Math.abs(analytic[`d${index}`][i] - numeric) / scale, `${name} d${key}[${i}]`).toBeLessThan(
        3e-3,
      );
    }
  }
  await program.release();
}
