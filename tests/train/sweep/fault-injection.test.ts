/** What a sweep says when it cannot go on. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { InputError } from '../../../src/shared/errors.ts';
import { resolveConfig } from '../../../src/shared/head/resolve.ts';
import { createArena } from '../../../src/shared/training/arena.ts';
import { sweep } from '../../../src/train/sweep/sweep.ts';
import { newFolder } from '../../support/folders.ts';
import { clouds } from '../../support/point-clouds.ts';

it('names the file of features that became shorter, from a worker thread', async () => {
  const folder = newFolder();
  const path = join(folder, 'features');
  writeFileSync(path, Buffer.alloc(16));
  const sweeping = sweep([{ id: '1', config: resolveConfig({ normalize: 'none' }, 'multiclass') }], {
    data: {
      task: 'multiclass',
      inputs: 4,
      classes: 2,
      rows: { train: 4, val: 2, test: 0 },
      features: { none: { path, maxRows: 32, normalize: 'none' } },
      targets: Uint8Array.of(0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0),
    },
    engine: 'onnxruntime',
    workers: 1,
    signal: new AbortController().signal,
    onFinished() {},
    onEpoch() {},
  });
  await expect(sweeping).rejects.toThrow(
    new InputError(`Expected more features in ${path}: another program changed it`),
  );
  await expect(sweeping).rejects.toBeInstanceOf(InputError);
});

it('fails with what a callback throws, such as for a full disk', async () => {
  const sweeping = sweep(
    [{ id: '1', config: resolveConfig({ normalize: 'none', epochs: 1 }, 'multiclass') }],
    {
      data: clouds({ train: 8, val: 4, test: 0 }),
      engine: 'onnxruntime',
      workers: 1,
      signal: new AbortController().signal,
      onFinished() {
        throw new InputError('the disk is full');
      },
      onEpoch() {},
    },
  );
  await expect(sweeping).rejects.toThrow(new InputError('the disk is full'));
});

it('says how much memory heads would need that do not fit', () => {
  expect(() => createArena().reset(2 ** 31)).toThrow(
    'Expected heads that fit into 4 GB per worker, or into the free memory, but some need 8.6 GB',
  );
});
