/** Gradients of convolutions with any geometry, on every engine. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import * as build from '../../../src/shared/graph/build.ts';
import { gradients } from '../../../src/shared/graph/gradient.ts';
import { elementCount, type Shape, type Value } from '../../../src/shared/graph/value.ts';
import { ENGINES_UNDER_TEST, loadUnderTest } from '../../support/engines.ts';

interface Geometry {
  size: [number, number];
  window: [number, number];
  strides: [number, number];
  dilations: [number, number];
  padding: [number, number, number, number];
  /** In and out. */
  channels: [number, number];
}

/** A convolution's geometry: image, window and how it moves, small enough to run and such that a window fits. */
const geometries: fc.Arbitrary<Geometry> = fc
  .record({
    size: fc.tuple(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 7 })),
    window: fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })),
    strides: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
    dilations: fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 2 })),
    padding: fc.tuple(fc.nat(4), fc.nat(4), fc.nat(4), fc.nat(4)),
    // 32: whole blocks, see onnxruntime/blocks.ts.
    channels: fc.tuple(fc.constantFrom(1, 2, 3, 32), fc.integer({ min: 1, max: 3 })),
  })
  .filter(({ size, window, dilations, padding }) =>
    [0, 1].every(
      (axis) => size[axis] + padding[2 * axis] + padding[2 * axis + 1] > (window[axis] - 1) * dilations[axis],
    ),
  );

/** Too many pixels for a matrix from pixels to places; see onnxruntime/depthwise.ts. */
const LARGE: Geometry = {
  size: [12, 12],
  window: [3, 3],
  strides: [2, 1],
  dilations: [1, 2],
  padding: [2, 0, 1, 3],
  channels: [2, 1],
};

/** Numbers between -1 and 1 that repeat nowhere. */
function wave(shape: Shape, start: number): Float32Array {
  return Float32Array.from({ length: elementCount(shape) }, (_, i) => Math.sin(i * 1.3 + start));
}

function sum(value: Value): Value {
  return build.reduceSum(value, { axes: value.shape.map((_, axis) => axis), keepDims: false });
}

it.each(ENGINES_UNDER_TEST)(
  'a convolution of any geometry has the gradients of a linear function on %s',
  async (name) => {
    const engine = await loadUnderTest(name, { threads: 1 });
    await fc.assert(
      fc.asyncProperty(geometries, fc.boolean(), async (geometry, isDepthwise) => {
        const { size, window, channels, ...attributes } = geometry;
        const outs = isDepthwise ? 1 : channels[1];
        const x = build.input('x', 'float32', [2, ...size, channels[0]]);
        const kernel = build.input('kernel', 'float32', [...window, channels[0], outs]);
        const result = (isDepthwise ? build.depthwiseConv2d : build.conv2d)(x, kernel, undefined, attributes);
        const weights = build.constant(wave(result.shape, 2), result.shape);
        const loss = sum(build.mul(result, weights));
        // The loss is linear in either of the two, so that it is the sum of their gradient times themselves.
        const [dx, dkernel] = gradients(loss, [x, kernel]);
        const outputs = { loss, byImage: sum(build.mul(dx, x)), byKernel: sum(build.mul(dkernel, kernel)) };
        const program = await engine.compile(build.graph(outputs));
        const feeds = { x: wave(x.shape, 0), kernel: wave(kernel.shape, 1) };
        const computed = await program.run(feeds);
        await program.release();
        const scale = Math.max(1, Math.abs(computed.loss[0]));
        expect(Math.abs(computed.byImage[0] - computed.loss[0]) / scale).toBeLessThan(1e-4);
        expect(Math.abs(computed.byKernel[0] - computed.loss[0]) / scale).toBeLessThan(1e-4);
      }),
      {
        numRuns: 40,
        examples: [
          [LARGE, true],
          [{ ...LARGE, channels: [32, 1] }, true],
        ],
      },
    );
  },
);
