/** No run of TensorFlow.js may leave a tensor behind; memory.slow.ts asks for more. */
import { beforeAll, describe, expect, it } from 'vitest';
import { tensorflowEngine } from '../../../src/shared/engines/tensorflow/index.ts';
import { loadRuntime, RUNTIME_NAMES, type Runtime } from '../../../src/shared/engines/tensorflow/runtime.ts';
import * as build from '../../../src/shared/graph/build.ts';
import { BATCH } from '../../../src/shared/graph/value.ts';
import { ENGINES_UNDER_TEST } from '../../support/engines.ts';
import { extractImages, trainSteps } from '../../support/tensor-counts.ts';

const runtimes = RUNTIME_NAMES.filter((name) => ENGINES_UNDER_TEST.some((engine) => engine === name));

describe.each(runtimes)('%s', (name) => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await loadRuntime(1, [name]);
  });

  it.each([
    ['on the device', true],
    ['through the arena', false],
  ])('holds as many tensors after 200 training steps as after 20: %s', async (_, onDevice) => {
    const { before, early, late, released } = await trainSteps(runtime, 200, onDevice);
    expect(late).toBe(early);
    expect(early).toBeGreaterThan(before);
    expect(released).toBe(before);
  });

  it('holds as many tensors after 64 images as after eight', async () => {
    const { before, early, late, released } = await extractImages(runtime, 64);
    expect(late).toBe(early);
    expect(early).toBeGreaterThan(before);
    expect(released).toBe(before);
  });

  it('frees the activations of a run that fails', async () => {
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
