/** The numbers that heads begin with. */
import { expect, it } from 'vitest';
import type { HeadParameter } from '../../../src/shared/head/layers.ts';
import { createInitialParameters } from '../../../src/shared/training/initial.ts';

const specs: HeadParameter[] = [
  { name: 'a/kernel', shape: [100, 50], initializer: 'glorot_uniform', trainable: true },
  { name: 'a/bias', shape: [50], initializer: 'zeros', trainable: true },
  { name: 'a/gamma', shape: [50], initializer: 'ones', trainable: true },
];

it("kernels are drawn evenly within Glorot's limit; other parameters are zeros or ones", () => {
  const values = createInitialParameters()(specs, 3);
  expect(values).toHaveLength(5100);
  const [kernel, limit] = [values.subarray(0, 5000), Math.sqrt(6 / 150)];
  expect(Math.max(...kernel.map(Math.abs))).toBeLessThanOrEqual(Math.fround(limit));
  const shareBelow = (bound: number) => kernel.filter((value) => value < bound).length / 5000;
  for (const [bound, share] of [
    [-limit / 2, 0.25],
    [0, 0.5],
    [limit / 2, 0.75],
  ])
    expect(Math.abs(shareBelow(bound) - share)).toBeLessThan(0.03);
  expect([...values.subarray(5000)]).toEqual([...Array(50).fill(0), ...Array(50).fill(1)]);
});

it('they follow from the seed and the names', () => {
  const draw = createInitialParameters();
  const first = draw(specs, 3);
  expect(draw(specs, 3)).toBe(first);
  expect(draw(specs, 4)).not.toEqual(first);
  expect(draw([{ ...specs[0], name: 'b/kernel' }], 3)).not.toEqual(first.subarray(0, 5000));
  expect(createInitialParameters()(specs, 3)).toEqual(first);
});
