/** How much of what comes in is held at a time. */
import { describe, expect, it, vi } from 'vitest';
import { createBodyMemory } from '../../../src/predict/serve/memory.ts';

describe('the memory for bodies', () => {
  it('counts the bytes that have come, until their body is closed', () => {
    const memory = createBodyMemory(100, () => 0);
    const [one, two] = [memory.open(), memory.open()];
    expect(one.add(60)).toBe(true);
    expect(two.add(41)).toBe(false);
    expect(two.add(40)).toBe(true);
    one.close();
    one.close();
    expect(two.add(60)).toBe(true);
    expect(two.add(1)).toBe(false);
  });

  it('gives the room of the body that has stalled longest to one that comes in', () => {
    let time = 0;
    const memory = createBodyMemory(100, () => time);
    const bodies = [memory.open(), memory.open(), memory.open()];
    const evicted = bodies.map((body) => {
      const listener = vi.fn();
      body.onEvict(listener);
      return listener;
    });
    bodies[0].add(50);
    bodies[1].add(30);
    time = 500;
    bodies[0].add(1);
    time = 999;
    expect(bodies[2].add(30)).toBe(false);
    time = 1000;
    expect(bodies[2].add(30)).toBe(true);
    expect(evicted.map(({ mock }) => mock.calls.length)).toEqual([0, 1, 0]);
  });

  it('never evicts a body that has come as a whole', () => {
    let time = 0;
    const memory = createBodyMemory(100, () => time);
    const whole = memory.open();
    whole.add(90);
    whole.complete();
    time = 1e6;
    const other = memory.open();
    expect(other.add(20)).toBe(false);
    whole.close();
    expect(other.add(20)).toBe(true);
  });
});
