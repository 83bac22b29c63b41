/** Every gradient rule, on every engine, against central finite differences. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../../src/shared/engines/engine.ts';
import * as build from '../../../src/shared/graph/build.ts';
import { gradients } from '../../../src/shared/graph/gradient.ts';
import { GRADIENT_RULES } from '../../../src/shared/graph/gradients/index.ts';
import type { ComputedOperation } from '../../../src/shared/graph/operations/index.ts';
import { elementCount, type Shape, type Value } from '../../../src/shared/graph/value.ts';
import { random } from '../../../src/shared/random.ts';
import { ENGINES_UNDER_TEST, loadUnderTest } from '../../support/engines.ts';

interface Sample {
  shapes: Shape[];
  make: (inputs: Value[]) => Value;
  /** Values the operation is smooth at; default: normal numbers, none closer to 0 than 0.1. */
  positive?: boolean;
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

const SAMPLES: Partial<Record<ComputedOperation, Sample[]>> = {
  add: pair(build.add),
  sub: pair(build.sub),
  mul: pair(build.mul),
  div: pair(build.div),
  neg: single(build.neg),
  exp: single(build.exp),
  log: single(build.log, true),
  sqrt: single(build.sqrt, true),
  erf: single(build.erf),
  relu: single(build.relu),
  sigmoid: single(build.sigmoid),
  tanh: single(build.tanh),
  softplus: single(build.softplus),
  clip: single((x) => build.clip(x, { min: -0.05, max: 1.05 })),
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
  { shapes, make, positive }: Sample,
): Promise<void> {
  const stream = random(1, name);
  const draw = () => {
    const number = stream.normal();
    return positive ? 0.5 + Math.abs(number) : number + Math.sign(number) * 0.1;
  };
  const inputs = shapes.map((shape, index) => build.input(`x${index}`, 'float32', shape));
  const feeds = Object.fromEntries(
    shapes.map((shape, index) => [`x${index}`, Float32Array.from({ length: elementCount(shape) }, draw)]),
  );
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
