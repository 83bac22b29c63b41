/** Where `--from auto` cuts, and what it says. */
import { describe, expect, it, vi } from 'vitest';
import { chooseCut } from '../../src/fine-tune/auto-cut.ts';
import type { Start } from '../../src/fine-tune/start/open.ts';
import { readFeatures } from '../../src/shared/dataset/features.ts';
import { silent } from '../../src/shared/reporter.ts';
import { clusters, syntheticStore } from '../support/synthetic-store.ts';

const store = await syntheticStore(clusters(['a', 'b'], 10), {
  backbone: 'efficientnet_lite0',
  size: { width: 224, height: 224 },
});

async function chosen(costs: Partial<Parameters<typeof chooseCut>[1]>) {
  const table = await readFeatures([{ features: [store], pooling: [] }], silent);
  const [source] = table.sets[0].sources;
  const head = { record: { task: 'multiclass', classes: ['a', 'b'] } } as Start['head'];
  const info = vi.fn();
  const rows = { cached: 20, trained: 14 };
  const from = await chooseCut(
    { head, source, store, table, photos: undefined },
    { rows, bytesPerNumber: 2, epochs: 24, workers: 2, maxBytes: undefined, ...costs },
    { ...silent, info },
  );
  return { from, said: String(info.mock.calls[0]) };
}

describe('--from auto', () => {
  it('takes the earliest layer of the second half of the work, and says so', async () => {
    const { from, said } = await chosen({});
    expect(from).toMatch(/^block[456]/);
    expect(said).toBe(
      `Training from ${from} (--from auto): the earliest layer with at most half of the work, 10 GB of activations and about 5 minutes a training`,
    );
  });

  it.each([
    ['activations', { maxBytes: 20 * 2 * 7 * 7 * 200 }],
    ['time', { rows: { cached: 30_000, trained: 20_000 } }],
  ])('trains less where %s are limited', async (_, costs) => {
    const [all, limited] = [await chosen({}), await chosen(costs)];
    expect(limited.from).toMatch(/^(block[67]|top)/);
    expect(limited.from > all.from).toBe(true);
  });
});
