/** What --grid alone trains. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { HeadConfig, Task } from '../../../src/shared/head/config.ts';
import type { HeadRequest } from '../../../src/shared/head/options.ts';
import { silent } from '../../../src/shared/reporter.ts';
import { createStoreWriter } from '../../../src/shared/store/writer.ts';
import { trainHeads } from '../../../src/train/library.ts';
import { defaultGrid, smoothed } from '../../../src/train/search/default-grid.ts';
import { expandGrid } from '../../../src/train/search/grid.ts';
import { newFolder } from '../../support/folders.ts';
import { pipeline } from '../../support/pipeline.ts';
import { row } from '../../support/store-rows.ts';
import { clusters, syntheticStore } from '../../support/synthetic-store.ts';

const LARGE = 1000;

async function storeWith(names: string[], rows = LARGE): Promise<string> {
  const dir = join(newFolder(), 'store');
  const columns = names.map((name) => ({ name, dimension: 3 }));
  const writer = await createStoreWriter(dir, {
    pipeline: pipeline(),
    classes: ['a'],
    columns,
    images: rows,
  });
  const features = names.map(() => new Float32Array(3));
  for (let number = 0; number < rows; number++) await writer.append(row(number).record, features);
  await writer.finish({ failed: 0 });
  return dir;
}

/** The sources and the heads of the default grid, as `optimizer hidden`, and what is said. */
async function gridOf(
  dirs: string[],
  head: Partial<HeadRequest> = {},
  { pooling = [], halving }: { pooling?: string[]; halving?: number } = {},
) {
  const messages: string[] = [];
  const reporter = { ...silent, info: (message: string) => void messages.push(message) };
  const blocks = await defaultGrid({ source: { features: dirs, pooling }, head, halving }, reporter);
  const kinds = blocks.flatMap(({ pooling: columns = [[]], features: _, ...block }) =>
    columns.flatMap((own) =>
      expandGrid(head, [block], 'multiclass').map(
        ({ optimizer, hidden }) => `${own.join('+')} ${optimizer} ${hidden.join('x')}`,
      ),
    ),
  );
  return { kinds: [...new Set(kinds)], messages };
}

describe('the default grid', () => {
  it('trains heads on the last layer and on all depths', async () => {
    const { kinds, messages } = await gridOf([await storeWith(['avg', 'conv2/avg'])]);
    expect(kinds).toEqual(['last lbfgs ', 'last adam 128', 'last adam 512', 'depths lbfgs ']);
    expect(messages).toEqual([]);
  });

  it('trains on what there is, and says how to add depths', async () => {
    const shallow = await storeWith(['avg', 'max']);
    const { kinds, messages } = await gridOf([await storeWith(['avg', 'conv2/avg']), shallow]);
    expect(kinds).toEqual([' lbfgs ', ' adam 128', ' adam 512']);
    expect(messages).toEqual([
      `Heads are trained on the last layer alone, since ${shallow} has no other; to add them: ` +
        `permafrost extract --data DATA --backbone resnet50 --weights none --layer depths --size 224x160 --out ${shallow}`,
    ]);
  });

  it('has hidden layers only where images are many', async () => {
    const { kinds } = await gridOf([await storeWith(['avg', 'conv2/avg'], LARGE - 1)]);
    expect(kinds).toEqual(['last lbfgs ', 'depths lbfgs ']);
  });

  it('keeps to columns that are named', async () => {
    const { kinds, messages } = await gridOf([await storeWith(['avg', 'max'])], {}, { pooling: ['max'] });
    expect(kinds).toEqual([' lbfgs ', ' adam 128', ' adam 512']);
    expect(messages).toEqual([]);
  });

  it.each<[Partial<HeadRequest>, number | undefined]>([
    [{ optimizer: 'sgd' }, undefined],
    [{ dropout: 0.2 }, undefined],
    [{ l1: 1e-4 }, undefined],
    [{ loss: 'focal' }, undefined],
    [{}, 3],
  ])('steps where options or halving want it: %j, %s', async (head, halving) => {
    const { kinds } = await gridOf([await storeWith(['avg', 'conv2/avg'])], head, { halving });
    expect(kinds.join()).not.toContain('lbfgs');
    expect(kinds).toHaveLength(4);
  });

  it.each<[string, Task, Partial<HeadRequest>, number[] | undefined]>([
    ['labels of classes', 'multiclass', {}, [0.1]],
    ['no labels where several are possible', 'multilabel', {}, undefined],
    ['no labels where the user says how much', 'multiclass', { labelSmoothing: 0 }, undefined],
    ['no labels of sigmoid heads', 'multiclass', { output: 'sigmoid' }, undefined],
    ['no labels of focal losses', 'multiclass', { loss: 'focal' }, undefined],
  ])('smooths %s', (_, task, head, smoothing) => {
    const blocks = [{ source: 1, block: { l2: [1] } }];
    const block = { l2: [1], ...(smoothing && { labelSmoothing: smoothing }) };
    expect(smoothed(blocks, head, task)).toEqual([{ source: 1, block }]);
  });

  it('smooths the heads that are trained', async () => {
    const images = clusters(['a', 'b'], 30);
    const source = { features: [await syntheticStore(images)] };
    const { runs } = await trainHeads({ source, grid: 'default' });
    expect(runs.map(({ config }) => config.labelSmoothing)).toEqual(runs.map(() => 0.1));
    const given = await trainHeads({ source, grid: 'default', head: { labelSmoothing: 0.2 } });
    expect(given.runs.map(({ config }) => config.labelSmoothing)).toEqual(given.runs.map(() => 0.2));
  });

  it.each<[Partial<HeadRequest>, (head: HeadConfig) => unknown, unknown[]]>([
    [{ normalize: 'l2' }, ({ normalize }) => normalize, ['l2']],
    [{ l2: 0.5 }, ({ l2 }) => l2, [0.5]],
    [{ dropout: 0.2 }, ({ dropout }) => dropout, [0.2]],
    [{ hidden: [64] }, ({ hidden }) => hidden.join('x'), ['64']],
    [{ hidden: [] }, ({ hidden, optimizer }) => `${hidden.join('x')} ${optimizer}`, [' lbfgs']],
  ])('has what the user gave in every head: %j', async (head, optionOf, values) => {
    const source = { features: [await storeWith(['avg', 'conv2/avg'])], pooling: [] };
    const blocks = await defaultGrid({ source, head, halving: undefined }, silent);
    const heads = blocks.flatMap(({ pooling: _, features: __, ...block }) =>
      expandGrid(head, [block], 'multiclass'),
    );
    expect([...new Set(heads.map(optionOf))]).toEqual(values);
  });

  it('is exact alone where lbfgs is asked for', async () => {
    const { kinds } = await gridOf([await storeWith(['avg', 'conv2/avg'])], { optimizer: 'lbfgs' });
    expect(kinds).toEqual(['last lbfgs ', 'depths lbfgs ']);
  });
});
