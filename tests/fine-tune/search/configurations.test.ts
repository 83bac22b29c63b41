/** What fine-tunings are requested: grids, defaults, what stays of the head. */
import { describe, expect, it } from 'vitest';
import { requestedTunings, type TuningsRequest } from '../../../src/fine-tune/search/configurations.ts';
import { checkTailGrid, parseTailGrid } from '../../../src/fine-tune/search/grid.ts';
import { UsageError } from '../../../src/shared/errors.ts';
import type { HeadRequest } from '../../../src/shared/head/options.ts';
import { resolveConfig } from '../../../src/shared/head/resolve.ts';

function requested(request: Partial<TuningsRequest>, head: Partial<HeadRequest> = {}, trainingImages = 100) {
  const config = resolveConfig(head, 'multiclass');
  return requestedTunings({ config, task: 'multiclass', trainingImages }, { seeds: 1, ...request });
}

describe('a fine-tuning', () => {
  it('keeps the layers of an exact head, but not how it was trained', () => {
    const head = {
      optimizer: 'lbfgs',
      l2: 1e-4,
      normalize: 'softsign',
      seed: 3,
      classWeight: 'balanced',
    } as const;
    expect(requested({}, head)).toMatchObject([
      {
        ...{ normalize: 'softsign', seed: 3, classWeight: 'balanced', optimizer: 'adam', l2: 0 },
        ...{ schedule: 'cosine', epochs: 24, batchSize: 32 },
        tail: { from: 'auto', train: 'all-but-batch-norm', batchNorm: 'frozen', lrTail: 1, clip: 0 },
      },
    ]);
  });

  it('takes fewer epochs where there are many images', () => {
    expect(requested({}, {}, 1000)[0].epochs).toBe(8);
    expect(requested({ training: { epochs: 3 } }, {}, 1000)[0].epochs).toBe(3);
  });

  it('warms up for a twentieth of its epochs', () => {
    const warmups = (request: Partial<TuningsRequest>) => requested(request).map(({ warmup }) => warmup);
    expect(warmups({ grid: [{ epochs: [10, 20] }] })).toEqual([0.5, 1]);
    expect(warmups({ training: { warmup: 0 } })).toEqual([0]);
  });

  it('is refused by the option that cannot be', () => {
    expect(() => requested({ training: { momentum: 0.9 } })).toThrow(
      'Expected --optimizer sgd or rmsprop for --momentum 0.9 but received --optimizer adam',
    );
    expect(() => requested({ training: { monitor: 'subsetAccuracy' } })).toThrow(
      'for --monitor but received',
    );
  });
});

describe('a grid', () => {
  it('combines options of tails and of training, in the order in which they are written', async () => {
    const grid = await parseTailGrid('from=block6a,last-block;lr=1e-3,3e-4;train=all,block7a+top');
    const found = requested({ grid, tail: { lrTail: 0.1 } });
    expect(found).toHaveLength(8);
    expect(found[0]).toMatchObject({ lr: 1e-3, tail: { from: 'block6a', train: 'all', lrTail: 0.1 } });
    expect(found[7]).toMatchObject({ lr: 3e-4, tail: { from: 'last-block', train: 'block7a,top' } });
  });

  it('ignores options that mean nothing beside others', async () => {
    const grid = await parseTailGrid('optimizer=adam,sgd;momentum=0.9;batch-norm=frozen');
    expect(requested({ grid }).map(({ momentum }) => momentum)).toEqual([0, 0.9]);
  });

  it.each([
    ['hidden=64', 'Expected the name of an option of fine-tuning for --grid but received "hidden"'],
    ['lrr=1', '(did you mean lr or l1 or l2?)'],
    ['lr', 'Expected values like'],
    [
      'optimizer=lbfgs',
      'Expected one of adam, adamw, sgd, rmsprop, adadelta, adagrad for optimizer in --grid',
    ],
    ['batch-norm=on', 'Expected one of frozen, trainable, insert for batch-norm in --grid but received "on"'],
    ['lr=1;lr=2', 'Expected each option once for --grid but received "lr"'],
  ])('is refused: %s', async (text, message) => {
    await expect(parseTailGrid(text)).rejects.toThrow(UsageError);
    await expect(parseTailGrid(text)).rejects.toThrow(message);
  });

  it('of more trainings than anybody waits for is refused', async () => {
    const grid = [{ lr: Array.from({ length: 500 }, (_, i) => i + 1) }];
    expect(() => requested({ grid, seeds: 3 })).toThrow(
      'at most 1000 trainings for --grid but received 1500',
    );
    const many = Array.from({ length: 1000 }, (_, i) => i + 1);
    expect(() => requested({ grid: [{ lr: many, seed: many, epochs: many, lrTail: many }] })).toThrow(
      'at most 1000 trainings for --grid but received 1000000000000',
    );
  });

  it('of a program may have lists that are undefined, which count as left out', () => {
    expect(requested({ grid: [{ lr: undefined, epochs: [3, 4] }] }).map(({ epochs }) => epochs)).toEqual([
      3, 4,
    ]);
  });

  it('of a program is checked value by value', () => {
    expect(() => checkTailGrid([{ lr: [0.1], from: ['block6a'] }], 'grid')).not.toThrow();
    expect(() => checkTailGrid([{ lr: [0] }], 'grid')).toThrow('for grid[0].lr[0] but received 0');
    expect(() => checkTailGrid([{ hidden: [[64]] }], 'grid')).toThrow('"hidden"');
    expect(() => checkTailGrid([], 'grid')).toThrow('Expected a list that is not empty for grid');
  });
});
