/** A long run leaves TensorFlow.js with the tensors that it had: 10,000 training steps, 5,000 images. */
import { beforeAll, describe, expect, it } from 'vitest';
import { loadRuntime, type Runtime } from '../../../src/shared/engines/tensorflow/runtime.ts';
import { extractImages, type Tensors, trainSteps } from '../../support/tensor-counts.ts';

/** The numbers are shown, for documentation. */
function check(what: string, { version }: Runtime, tensors: Tensors): void {
  const { before, early, late, released } = tensors;
  console.log(
    `${version}, ${what}: ${before} tensors before, ${early} early, ${late} late, ${released} released`,
  );
  expect(late).toBe(early);
  expect(released).toBe(before);
}

describe('tensors', () => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await loadRuntime(1, ['tfjs-node', 'tfjs-backend-wasm']);
  });

  it('are as many after 10,000 steps on the device', async () => {
    check('10,000 steps on the device', runtime, await trainSteps(runtime, 10_000, true));
  });

  it('are as many after 10,000 steps through the arena', async () => {
    check('10,000 steps through the arena', runtime, await trainSteps(runtime, 10_000, false));
  });

  it('are as many after 5,000 images', async () => {
    check('5,000 images', runtime, await extractImages(runtime, 5000));
  });
});
