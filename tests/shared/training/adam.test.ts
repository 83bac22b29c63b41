import { expect, it } from 'vitest';
import { createArena } from '../../../src/shared/training/arena.ts';
import {
  applyStep,
  type StepSettings,
  stepHyperparameters,
} from '../../../src/shared/training/optimizers.ts';

/** Smallest positive float32 of the normal range. */
const MIN_NORMAL = 2 ** -126;

const settings = { optimizer: 'adam', l2: 0, l1: 0, momentum: 0, nesterov: false, maxNorm: 0 } as const;

/** Steps `count` parameters that begin at 1, all with the same gradient; returns them with m and v after every step. */
function* stepped(count: number, gradients: Iterable<number>, other: Partial<StepSettings> = {}) {
  const arena = createArena();
  arena.reset(5 * (count + 16));
  const [parameter, gradient, m, v] = Array.from({ length: 4 }, () => arena.allocate(count));
  parameter.view.fill(1);
  let step = 0;
  for (const value of gradients) {
    step++;
    gradient.view.fill(value);
    const tensor = { parameter, gradient, state: [m, v] as [typeof m, typeof v] };
    applyStep(arena, { ...settings, lr: 0.01, ...other, step }, tensor, {
      shape: [count],
      lane: 0,
      isKernel: true,
    });
    yield { parameters: parameter.view, m: m.view, v: v.view };
  }
}

it.each([
  ['zero after one of 1e-3', [1e-3, ...new Array<number>(3000).fill(0)]],
  ['below the normal range', new Array<number>(50).fill(1e-40)],
  ['with squares below it', new Array<number>(50).fill(-1e-21)],
])('Adam never holds a number below the normal range: gradients %s', (_, gradients) => {
  for (const { m, v } of stepped(4, gradients)) {
    for (const value of [...m, ...v]) expect(value === 0 || Math.abs(value) >= MIN_NORMAL).toBe(true);
  }
});

// Numbers that fill turns of the loop, leave vectors over, and leave numbers over.
it.each([1, 4, 16, 20, 35])(
  'all of %i parameters take the same steps, with penalties and without',
  (count) => {
    const gradients = [0.5, -0.25, 1e-6, 0, 3];
    for (const other of [{}, { l2: 0.01, l1: 0.001 }, { optimizer: 'adamw', l2: 0.1 }] as const) {
      const alone = [...stepped(1, gradients, other)].at(-1)!.parameters[0];
      const { parameters } = [...stepped(count, gradients, other)].at(-1)!;
      expect([...parameters]).toEqual(new Array(count).fill(alone));
      expect(alone).not.toBe(1);
    }
  },
);

it.each(['adam', 'adamw', 'sgd', 'rmsprop', 'adagrad', 'adadelta'] as const)(
  'l2 is part of the gradient of kernels, with %s; AdamW alone decays them by the learning rate',
  (optimizer) => {
    const given: StepSettings = {
      ...settings,
      ...{ optimizer, lr: 0.5, l2: 0.1, l1: 0.25, momentum: 0.75, step: 1000 },
    };
    const [, l2, decay, momentum, l1] = stepHyperparameters(given, true);
    expect([l2, decay]).toEqual(optimizer === 'adamw' ? [0, 0.05] : [0.2, 0]);
    expect([momentum, l1]).toEqual([0.75, 0.25]);
    const [, ...ofBiases] = stepHyperparameters(given, false);
    expect(ofBiases).toEqual([0, 0, 0.75, 0]);
  },
);
