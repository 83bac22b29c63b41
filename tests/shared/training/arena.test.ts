/** The memory of a worker. */
import { expect, it } from 'vitest';
import { arenaFloats, createArena } from '../../../src/shared/training/arena.ts';

it('arrays are zero, also where earlier ones were, and do not overlap', () => {
  const arena = createArena();
  arena.reset(arenaFloats(20) + arenaFloats(5));
  arena.allocate(20).view.fill(7);
  arena.allocate(5).view.fill(7);
  arena.reset(arenaFloats(5) + arenaFloats(20));
  const [first, second] = [arena.allocate(5), arena.allocate(20)];
  expect([...first.view, ...second.view]).toEqual(Array(25).fill(0));
  // Whole vectors can be read of each.
  expect([first.padded, second.padded]).toEqual([8, 20]);
  expect(first.address % 64).toBe(0);
  expect(second.address).toBe(first.address + 4 * arenaFloats(5));
  expect(() => arena.allocate(1).view.fill(1)).not.toThrow();
});
