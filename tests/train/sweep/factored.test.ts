/** Gradients left in their factors, beside the same gradients made whole by the engine. */
import { describe, expect, it } from 'vitest';
import { loadEngine } from '../../../src/shared/engines/engine.ts';
import { headLayers, headParameters } from '../../../src/shared/head/layers.ts';
import type { HeadRequest } from '../../../src/shared/head/options.ts';
import { resolveConfig } from '../../../src/shared/head/resolve.ts';
import { createArena } from '../../../src/shared/training/arena.ts';
import { createInitialParameters } from '../../../src/shared/training/initial.ts';
import { freshState, type SteppingOptimizer } from '../../../src/shared/training/optimizers.ts';
import { factoredKernel } from '../../../src/train/sweep/factored.ts';
import { createPrograms, type Programs } from '../../../src/train/sweep/programs.ts';
import { createStack } from '../../../src/train/sweep/stack.ts';
import { numbers } from '../../support/formula-numbers.ts';

const CLASSES = 3;
const BATCH = 12;
const LANES = 2;

/** Parameters of both lanes after a few steps, the last on fewer rows. */
async function trained(
  programs: Programs,
  { inputs, factored, ...request }: Partial<HeadRequest> & { inputs: number; factored?: string },
): Promise<Float32Array[]> {
  const config = resolveConfig(request, 'multiclass');
  const layers = headLayers(config, inputs, CLASSES);
  const { output, loss, l2, l1, maxNorm, momentum, nesterov } = config;
  const shape = {
    layers,
    output,
    loss,
    inputs,
    classes: CLASSES,
    lanes: LANES,
    ...(factored && { factored }),
  };
  const stack = createStack(createArena(), programs, shape, BATCH);
  const optimizer = config.optimizer as SteppingOptimizer;
  const initial = createInitialParameters()(headParameters(layers), 0);
  for (let lane = 0; lane < LANES; lane++) stack.load(lane, freshState(initial, optimizer));
  for (const [step, rows] of [BATCH, BATCH, BATCH, 7].entries()) {
    const { features, targets, weights } = stack.batch(rows);
    features.set(numbers(step + 1, rows * inputs));
    targets.fill(0);
    for (let row = 0; row < rows; row++) targets[row * CLASSES + (row % CLASSES)] = 1;
    weights.fill(1 / rows);
    const settings = { optimizer, l2, l1, maxNorm, momentum, nesterov, step: step + 1 };
    await stack.step(
      rows,
      [0.05, 0.02].map((lr) => ({ ...settings, lr })),
      step,
    );
  }
  return Array.from({ length: LANES }, (_, lane) => stack.parameters(lane));
}

describe('heads whose first gradient is left in factors', () => {
  const cases: (Partial<HeadRequest> & { inputs: number })[] = [
    { inputs: 64, hidden: [40], optimizer: 'adam' },
    // Units that do not fill a block, and inputs that do not fill a piece.
    { inputs: 160, hidden: [5], optimizer: 'adamw', l2: 0.01 },
    { inputs: 32, hidden: [16, 8], dropout: 0.5, optimizer: 'rmsprop', maxNorm: 1 },
    { inputs: 96, hidden: [36], bias: false, optimizer: 'sgd', momentum: 0.9, l1: 0.001 },
    { inputs: 48, hidden: [20], activation: 'tanh', optimizer: 'adagrad' },
    { inputs: 64, hidden: [8], optimizer: 'adadelta' },
  ];

  it.each(cases)('end where whole gradients lead: $optimizer, $hidden of $inputs', async (request) => {
    const programs = createPrograms(await loadEngine('onnxruntime', { threads: 1 }));
    const [whole, factored] = [
      await trained(programs, request),
      await trained(programs, { ...request, factored: 'dense_0/kernel' }),
    ];
    await programs.release();
    for (const [lane, parameters] of factored.entries()) {
      for (const [index, value] of parameters.entries())
        expect(Math.abs(value - whole[lane][index])).toBeLessThan(2e-6);
    }
    expect(factored[0]).not.toEqual(factored[1]);
  });
});

describe('a first gradient is left in factors', () => {
  const chosen = (request: Partial<HeadRequest>, inputs = 2048, batch = 32) =>
    factoredKernel(headLayers(resolveConfig(request, 'multiclass'), inputs, CLASSES), inputs, batch);

  it('where few errors are expected', () => {
    expect(chosen({ hidden: [64] })).toBe('dense_0/kernel');
    expect(chosen({ hidden: [64], dropout: 0.5 }, 1280, 64)).toBe('dense_0/kernel');
    expect(chosen({ hidden: [64], activation: 'tanh' }, 1280, 32)).toBe('dense_0/kernel');
  });

  it('and not elsewhere', () => {
    expect(chosen({})).toBeUndefined();
    expect(chosen({ hidden: [64] }, 2048, 128)).toBeUndefined();
    expect(chosen({ hidden: [64], activation: 'gelu' }, 2048, 64)).toBeUndefined();
    expect(chosen({ hidden: [64], batchNorm: true }, 2048, 64)).toBeUndefined();
    // The product's rows would not be the features themselves, or not fill the kernel's panels.
    expect(
      chosen({ hidden: [64], dropout: 0.5, order: ['dropout', 'dense', 'activation', 'bn'] }),
    ).toBeUndefined();
    expect(chosen({ hidden: [64] }, 1000)).toBeUndefined();
  });
});
