/** TensorFlow.js frees nothing by itself: no run may leave a tensor behind. */
import { describe, expect, it } from 'vitest';
import { tensorflowEngine } from '../../../src/shared/engines/tensorflow/index.ts';
import { loadRuntime, RUNTIME_NAMES } from '../../../src/shared/engines/tensorflow/runtime.ts';
import * as build from '../../../src/shared/graph/build.ts';
import { gradients } from '../../../src/shared/graph/gradient.ts';
import { BATCH } from '../../../src/shared/graph/value.ts';
import { ENGINES_UNDER_TEST } from './under-test.ts';

const runtimes = RUNTIME_NAMES.filter((name) => ENGINES_UNDER_TEST.some((engine) => engine === name));

/** The issue's own figures; a run takes microseconds. */
const STEPS = 10_000;

describe.each(runtimes)('%s', (name) => {
  it(`holds as many tensors after ${STEPS} training steps as before`, async () => {
    const runtime = await loadRuntime(1, [name]);
    const before = runtime.tf.memory().numTensors;
    const features = build.input('features', 'float32', [4, 3]);
    const kernel = build.input('kernel', 'float32', [3, 2]);
    const scores = build.mul(build.logSoftmax(build.matmul(features, kernel)), build.scalar(-0.5));
    const loss = build.reduceSum(scores, { axes: [0, 1], keepDims: false });
    const [gradient] = gradients(loss, [kernel]);
    const program = await tensorflowEngine(runtime).compile(build.graph({ loss, gradient }));
    const feeds = { features: new Float32Array(12).fill(0.5), kernel: new Float32Array(6) };
    const into = { loss: new Float32Array(1), gradient: new Float32Array(6) };
    await program.run(feeds, into);
    const during = runtime.tf.memory().numTensors;
    for (let step = 0; step < STEPS; step++) await program.run(feeds, into);
    expect(runtime.tf.memory().numTensors).toBe(during);
    await program.release();
    expect(runtime.tf.memory().numTensors).toBe(before);
  });

  it('frees the activations of a run that fails', async () => {
    const runtime = await loadRuntime(1, [name]);
    const image = build.input('image', 'float32', [BATCH, 4, 4, 1]);
    const pooled = build.maxPool(build.relu(image), {
      window: [2, 2],
      strides: [1, 1],
      padding: [1, 0, 1, 0],
    });
    const program = await tensorflowEngine(runtime).compile(build.graph({ pooled }));
    const before = runtime.tf.memory().numTensors;
    const into = { pooled: new Float32Array(1) };
    await expect(program.run({ image: new Float32Array(16) }, into)).rejects.toThrow('for pooled');
    expect(runtime.tf.memory().numTensors).toBe(before);
  });
});
