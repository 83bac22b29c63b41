/** Trainings under way, on disk. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type SavedTail, tailStates } from '../../../src/fine-tune/tail/saved-state.ts';
import { tinyJob } from '../../support/tiny-tail.ts';

const folder = mkdtempSync(join(tmpdir(), 'permafrost-states-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const { config } = tinyJob();
const saved: SavedTail = {
  position: {
    history: [{ epoch: 1, lr: 0.1, trainLoss: 1 / 3, val: { loss: 0.1 + 0.2, mAP: null } }],
    start: { loss: 0.7 },
    step: 3,
    lossSum: Math.PI,
    seconds: 1.5,
  },
  blocks: {
    parameters: Float32Array.of(1, -2, Number.NaN, 1e-40),
    first: Float32Array.of(5, 6, 7, 8),
    second: Float32Array.of(9, 10, 11, 12),
  },
  best: { parameters: Float32Array.of(4, 3, 2, 1), probabilities: Float32Array.of(0.25, 0.75) },
};

describe('tailStates', () => {
  it('gives back what was saved, to the bit', () => {
    const states = tailStates(folder);
    states.save('a/b ü', config, saved);
    expect(tailStates(folder).load('a/b ü', config)).toEqual(saved);
    states.save('a/b ü', config, { ...saved, best: undefined });
    expect(states.load('a/b ü', config)).toEqual({ ...saved, best: undefined });
    states.remove('a/b ü');
    expect(states.load('a/b ü', config)).toBeUndefined();
  });

  it('has nothing for other settings', () => {
    const states = tailStates(folder);
    states.save('1', config, saved);
    expect(states.load('1', { ...config, lr: 0.5 })).toBeUndefined();
    expect(states.load('2', config)).toBeUndefined();
  });

  it.each([
    ['cut short', (bytes: Buffer) => bytes.subarray(0, bytes.length - 4)],
    ['altered', (bytes: Buffer) => bytes.map((byte, i) => (i === bytes.length - 1 ? byte ^ 1 : byte))],
    ['empty', () => Buffer.alloc(0)],
  ])('refuses a file that was %s', (_, damage) => {
    const states = tailStates(folder);
    states.save('1', config, saved);
    const path = join(folder, 'tail-1.state');
    writeFileSync(path, damage(readFileSync(path)));
    expect(() => states.load('1', config)).toThrow(
      `Expected ${path} as it was written but found another checksum`,
    );
  });
});
