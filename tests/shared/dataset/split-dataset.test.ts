/** Stores loaded and divided, as a sweep takes them. */
import { describe, expect, it } from 'vitest';
import { type LoadOptions, loadDataset } from '../../../src/shared/dataset/load.ts';
import { type SplitOptions, splitDataset } from '../../../src/shared/dataset/split-dataset.ts';
import { silent } from '../../../src/shared/reporter.ts';
import { clusters, labelled, type SyntheticImage, syntheticStore } from '../../support/synthetic-store.ts';

const SPLITS = [...Array(6).fill('train'), ...Array(3).fill('val'), ...Array(3).fill('test')];
const IMAGES: SyntheticImage[] = clusters(['a', 'b'], 6).map((image, index) => ({
  ...image,
  split: SPLITS[index],
}));

async function divided(images: readonly SyntheticImage[], options: Partial<SplitOptions & LoadOptions> = {}) {
  const features = [await syntheticStore(images)];
  const sources = [{ features, pooling: [] }];
  const warnings: string[] = [];
  const reporter = { ...silent, warn: (message: string) => void warnings.push(message) };
  const dataset = await loadDataset({ sources, copies: 1, task: 'auto', ...options }, reporter);
  return { ...splitDataset(dataset, { split: [70, 15, 15], ...options }, reporter), warnings };
}

describe('sample weights', () => {
  const weighted = (weights: readonly number[]) =>
    divided(IMAGES.map((image, index) => ({ ...image, weight: weights[index] })));

  it.each([
    ['training image weighs something', [...Array(5).fill(0), 2, ...Array(6).fill(0)]],
    ['image weighs 1', Array(12).fill(1)],
  ])('are taken where some %s', async (_, weights) => {
    expect([...(await weighted(weights)).raw.weights!]).toEqual(weights);
  });

  it('are refused where no training image weighs anything', async () => {
    await expect(weighted([...Array(6).fill(0), ...Array(6).fill(1)])).rejects.toThrow(
      'Expected a training image with a weight above 0 for the sample weights but received 0',
    );
  });

  it('are none where images have none', async () => {
    expect((await divided(IMAGES)).raw.weights).toBeUndefined();
  });
});

describe('labels that few images have', () => {
  it('are named, the rarest first, ten of them', async () => {
    const names = Array.from({ length: 12 }, (_, index) => `label ${index}`);
    // The more, the greater the number.
    const images = labelled(['common', 'other'], 200).map((image, index) => ({
      ...image,
      labels: [...image.labels, ...names.filter((__, label) => index < 3 + label)],
    }));
    const { rare, warnings } = await divided(images);
    expect(rare.map(({ name }) => name)).toEqual(names);
    const [said] = warnings.filter((warning) => warning.startsWith('Scores are unreliable'));
    expect(said).toContain('"label 0" (1 training, 1 validation, 1 test), ');
    expect(said).toMatch(/"label 9" \([^)]*\) and 2 more$/);
  });

  it('are none to speak of in data with many of each, or with one label an image', async () => {
    const many = await divided(labelled(['a', 'b'], 300));
    expect([many.rare, many.warnings]).toEqual([[], []]);
    const multiclass = await divided(IMAGES);
    expect([multiclass.rare, multiclass.warnings]).toEqual([[], []]);
  });
});

describe('features that do not fit into memory', () => {
  it('have their training rows in random order, with the targets of each', async () => {
    const [kept, streamed] = [await divided(IMAGES), await divided(IMAGES, { maxMemory: 100 })];
    expect([kept.memory.isStreamed, streamed.memory.isStreamed]).toEqual([false, true]);
    expect(kept.table.paths).toEqual(IMAGES.map(({ name }) => `${name}.jpg`));
    expect(streamed.table.paths.slice(0, 6)).not.toEqual(kept.table.paths.slice(0, 6));
    expect(streamed.table.paths.slice(0, 6).sort()).toEqual(kept.table.paths.slice(0, 6));
    expect(streamed.table.paths.slice(6)).toEqual(kept.table.paths.slice(6));
    for (const { table, raw } of [kept, streamed])
      expect([...raw.targets]).toEqual(
        table.labels.flatMap(([label]) => [+(label === 'a'), +(label === 'b')]),
      );
  });

  it('are the ones that need more than there is, for every copy that there will be', async () => {
    const bytes = 12 * 6 * 4;
    const isStreamed = async (maxMemory: number, copies = 1) =>
      (await divided(IMAGES, { maxMemory, copies })).memory.isStreamed;
    expect(await isStreamed(bytes)).toBe(false);
    expect(await isStreamed(bytes - 1)).toBe(true);
    expect(await isStreamed(2 * bytes, 2)).toBe(false);
    expect(await isStreamed(2 * bytes - 1, 2)).toBe(true);
  });

  it('have no folds', async () => {
    await expect(divided(clusters(['a', 'b'], 12), { maxMemory: 100, folds: 3 })).rejects.toThrow(
      'Expected features that fit into --max-memory for --folds but received 3',
    );
  });
});
