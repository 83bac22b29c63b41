/** What a run of onnxruntime leaves behind. */
import { expect, it } from 'vitest';
import { loadEngine } from '../../../src/shared/engines/engine.ts';
import { discard } from '../../../src/shared/engines/onnxruntime/discard.ts';
import * as build from '../../../src/shared/graph/build.ts';

const MEGABYTE = 2 ** 20;

it('keeps no copy of outputs that were written into given arrays', async () => {
  const numbers = 2 * MEGABYTE;
  const x = build.input('x', 'float32', [1]);
  const program = await (await loadEngine('onnxruntime', { threads: 1 })).compile(
    build.graph({ y: build.broadcastTo(x, [numbers]) }),
  );
  const into = { y: new Float32Array(numbers) };
  const before = process.memoryUsage().arrayBuffers;
  const memory: number[] = [];
  for (let index = 1; index <= 8; index++) {
    const { y } = await program.run({ x: Float32Array.of(index) }, into);
    expect(y).toBe(into.y);
    expect(y[numbers - 1]).toBe(index);
    memory.push(process.memoryUsage().arrayBuffers - before);
  }
  expect(Math.max(...memory)).toBeLessThan(MEGABYTE);
  await program.release();
});

it('hands over outputs without a given array whole', async () => {
  const numbers = MEGABYTE;
  const x = build.input('x', 'float32', [1]);
  const program = await (await loadEngine('onnxruntime', { threads: 1 })).compile(
    build.graph({ y: build.broadcastTo(x, [numbers]) }),
  );
  const { y } = await program.run({ x: Float32Array.of(3) });
  expect([y.length, y[0], y[numbers - 1]]).toEqual([numbers, 3, 3]);
  await program.release();
});

it('leaves small arrays and shared memory alone', () => {
  const small = new Float32Array(4);
  const shared = new Float32Array(new SharedArrayBuffer(MEGABYTE));
  discard(small);
  discard(shared);
  expect([small.length, shared.byteLength]).toEqual([4, MEGABYTE]);
});
