/** The numbers that heads begin with. */
import { elementCount } from '../graph/value.ts';
import type { HeadParameter } from '../head/layers.ts';
import { random } from '../random.ts';

/** All parameters one after the other, in the order of the specifications; the array must not be written to. */
export type InitialParameters = (specs: readonly HeadParameter[], seed: number) => Float32Array;

/** Keeps the last: most heads of a sweep begin with the same numbers, and drawing two millions takes as long as ten steps. */
export function createInitialParameters(): InitialParameters {
  let last: { key: string; values: Float32Array } | undefined;
  return (specs, seed) => {
    const key = JSON.stringify([seed, specs]);
    if (last?.key !== key) last = { key, values: drawParameters(specs, seed) };
    return last.values;
  };
}

/** Keras's GlorotUniform for kernels: uniform within sqrt(6 / (inputs + units)) (Glorot and Bengio 2010). */
function drawParameters(specs: readonly HeadParameter[], seed: number): Float32Array {
  const all = new Float32Array(specs.reduce((sum, { shape }) => sum + elementCount(shape), 0));
  let start = 0;
  for (const { name, shape, initializer } of specs) {
    const values = all.subarray(start, start + elementCount(shape));
    start += values.length;
    if (initializer === 'ones') values.fill(1);
    if (initializer === 'ones' || initializer === 'zeros') continue;
    const limit = Math.sqrt(6 / shape.reduce((sum, size) => sum + size, 0));
    const stream = random(seed, 'initial', name);
    for (let i = 0; i < values.length; i++) values[i] = (2 * stream.uniform() - 1) * limit;
  }
  return all;
}
