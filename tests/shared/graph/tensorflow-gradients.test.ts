/** Gradients of whole layers beside TensorFlow's (golden/make_gradients.py). */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as build from '../../../src/shared/graph/build.ts';
import { gradients } from '../../../src/shared/graph/gradient.ts';
import {
  elementCount,
  type Shape,
  type SpatialPadding,
  type Value,
} from '../../../src/shared/graph/value.ts';
import { ENGINES_UNDER_TEST, loadUnderTest } from '../../support/engines.ts';

interface Golden {
  cases: Record<string, { shapes: Shape[]; gradients: number[][] }>;
}

const { cases }: Golden = JSON.parse(readFileSync(new URL('golden/gradients.json', import.meta.url), 'utf8'));

const NONE: SpatialPadding = [0, 0, 0, 0];
const window = (step: number, padding: SpatialPadding, dilation = 1) =>
  ({ strides: [step, step], padding, dilations: [dilation, dilation] }) as const;
const convolution =
  (make: typeof build.conv2d, ...attributes: Parameters<typeof window>) =>
  ([x, kernel]: Value[]) =>
    make(x, kernel, undefined, window(...attributes));
const pool =
  (make: typeof build.maxPool, size: number, ...attributes: Parameters<typeof window>) =>
  ([x]: Value[]) =>
    make(x, { ...window(...attributes), window: [size, size] });

const EPSILON = 1e-3;
const OVER_IMAGES = { axes: [0, 1, 2], keepDims: false };

/** As tf.nn.moments and tf.nn.batch_normalization do it. */
function batchNorm([x, gamma, beta]: Value[]): Value {
  const mean = build.reduceMean(x, OVER_IMAGES);
  const centred = build.sub(x, mean);
  const variance = build.reduceMean(build.mul(centred, centred), OVER_IMAGES);
  const factor = build.div(gamma, build.sqrt(build.add(variance, build.scalar(EPSILON))));
  return build.add(build.mul(centred, factor), beta);
}

/** The padding that TensorFlow's SAME means for the case's sizes is written out: top, bottom, left, right. */
const COMPUTATIONS: Record<string, (inputs: Value[]) => Value> = {
  'conv2d 3x3': convolution(build.conv2d, 1, [1, 1, 1, 1]),
  'conv2d 3x3 strides 2': convolution(build.conv2d, 2, [0, 1, 1, 1]),
  'conv2d 1x1 strides 2': convolution(build.conv2d, 2, NONE),
  'conv2d 7x7 strides 2': convolution(build.conv2d, 2, [3, 3, 3, 3]),
  'conv2d 3x2 dilations 2': convolution(build.conv2d, 1, NONE, 2),
  'depthwiseConv2d 3x3': convolution(build.depthwiseConv2d, 1, [1, 1, 1, 1]),
  'depthwiseConv2d 5x5 strides 2': convolution(build.depthwiseConv2d, 2, [1, 2, 2, 2]),
  'depthwiseConv2d 5x5 on a large map': convolution(build.depthwiseConv2d, 1, [2, 2, 2, 2]),
  'maxPool 3x3 strides 2': pool(build.maxPool, 3, 2, [0, 1, 1, 1]),
  'maxPool 2x2': pool(build.maxPool, 2, 2, NONE),
  'avgPool 3x3': pool(build.avgPool, 3, 1, [1, 1, 1, 1]),
  'avgPool 2x2 strides 2': pool(build.avgPool, 2, 2, NONE),
  reduceMax: ([x]) => build.reduceMax(x, { axes: [1, 2], keepDims: false }),
  relu6: ([x]) => build.clip(build.mul(x, build.scalar(8)), { min: 0, max: 6 }),
  'batch-norm': batchNorm,
  layerNorm: ([x, gamma, beta]) => build.layerNorm(x, gamma, beta, { epsilon: EPSILON }),
};

const TIED = ['maxPool 3x3 strides 2', 'maxPool 2x2', 'reduceMax', 'relu6'];

/** As `array` of golden/make_gradients.py. */
function array(shape: Shape, k: number, tied: boolean): Float32Array {
  return Float32Array.from({ length: elementCount(shape) }, (_, i) => {
    const number = Math.sin(1 + i * 0.7 + k);
    return tied ? Math.round(number * 4) / 4 : number;
  });
}

describe.each(ENGINES_UNDER_TEST)('%s', (engineName) => {
  it.each(Object.keys(cases))('%s has the gradients of TensorFlow', async (name) => {
    const { shapes, gradients: expected } = cases[name];
    const inputs = shapes.map((shape, k) => build.input(`x${k}`, 'float32', shape));
    const result = COMPUTATIONS[name](inputs);
    const weights = build.constant(array(result.shape, 9, false), result.shape);
    const axes = result.shape.map((_, axis) => axis);
    const loss = build.reduceSum(build.mul(result, weights), { axes, keepDims: false });
    const outputs = Object.fromEntries(gradients(loss, inputs).map((value, k) => [`d${k}`, value]));
    const program = await (await loadUnderTest(engineName, { threads: 1 })).compile(build.graph(outputs));
    const feeds = shapes.map((shape, k) => [`x${k}`, array(shape, k, TIED.includes(name))]);
    const computed = await program.run(Object.fromEntries(feeds));
    await program.release();
    expected.forEach((gradient, k) => {
      const largest = Math.max(...gradient.map(Math.abs));
      expect(computed[`d${k}`]).toHaveLength(gradient.length);
      gradient.forEach((number, i) => {
        expect(Math.abs(computed[`d${k}`][i] - number) / largest, `${name} d${k}[${i}]`).toBeLessThan(1e-5);
      });
    });
  });
});
