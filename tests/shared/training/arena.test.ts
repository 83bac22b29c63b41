/** The memory of a worker. */
import { expect, it } from 'vitest';
import { type ArenaArray, createArena, layOut, layoutFloats } from '../../../src/shared/training/arena.ts';

it('arrays are zero, also where earlier ones were, and do not overlap', () => {
  const arena = createArena();
  for (const { view } of layOut(arena, (allocate) => [allocate(20), allocate(5)])) view.fill(7);
  const [first, second] = layOut(arena, (allocate) => [allocate(5), allocate(20)]);
  expect([...first.view, ...second.view]).toEqual(Array(25).fill(0));
  // Whole vectors can be read of each.
  expect([first.padded, second.padded]).toEqual([8, 20]);
  expect(first.address % 64).toBe(0);
  expect(second.address - first.address).toBe(4 * layoutFloats((allocate) => allocate(5)));
  expect(() => arena.allocate(1).view.fill(1)).not.toThrow();
});

it('a layout has the room that it adds up to, however many arrays it has', () => {
  const arena = createArena();
  const lengths = Array.from({ length: 300 }, (_, i) => 1 + ((i * 7919) % 5000));
  const layout = (allocate: (length: number) => ArenaArray) => lengths.map(allocate);
  const arrays = layOut(arena, layout);
  for (const [i, { view }] of arrays.entries()) view.fill(i);
  expect(arrays.map(({ view }) => view.length)).toEqual(lengths);
  expect(arrays.every(({ view }, i) => view.every((value) => value === i))).toBe(true);
  const last = arrays[arrays.length - 1];
  expect(layoutFloats(layout)).toBeGreaterThanOrEqual((last.address - arrays[0].address) / 4 + last.padded);
});

it('says what does not fit, and what would', () => {
  const arena = createArena({ what: 'tails', remedy: 'train fewer layers' });
  expect(() => arena.reset(2 ** 30)).toThrow(
    'Expected tails that fit into 4 GB per worker, or into the free memory, but some need 4.3 GB: train fewer layers',
  );
});
