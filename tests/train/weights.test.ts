/** Sample weights from a manifest to a head, with the built command. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { openStore } from '../../src/shared/store/reader.ts';
import { permafrost } from '../support/command.ts';
import { newFolder } from '../support/folders.ts';
import { clusters, syntheticStore } from '../support/synthetic-store.ts';

async function trained(store: string, args: readonly string[] = []) {
  const out = join(newFolder(), 'run');
  const outcome = await permafrost([
    'train-head',
    '--features',
    store,
    '--epochs',
    '20',
    '--lr',
    '0.05',
    '--out',
    out,
    '--json',
    ...args,
  ]);
  expect(outcome.status, outcome.stderr).toBe(0);
  const { best }: { best: { test: { accuracy: number } } } = JSON.parse(
    readFileSync(join(out, 'metrics.json'), 'utf8'),
  );
  return best.test.accuracy;
}

/** Training images most of which have a wrong label, and validation and test images that have the right one. */
function mostlyWrong() {
  const cycle = ['train', 'train', 'train', 'val', 'test'] as const;
  return clusters(['a', 'b'], 50).map((image, index) => {
    const split = cycle[Math.floor(index / 2) % 5];
    const isWrong = split === 'train' && Math.floor(index / 10) % 4 > 0;
    const labels = isWrong ? [image.labels[0] === 'a' ? 'b' : 'a'] : image.labels;
    return { ...image, split, labels, isWrong };
  });
}

it('decide what is learned, and not how it is measured', async () => {
  const images = mostlyWrong();
  const unweighted = await syntheticStore(images);
  const weighted = await syntheticStore(
    images.map(({ isWrong, ...image }) => ({ ...image, weight: isWrong ? 0 : 1 })),
  );
  expect(await trained(unweighted)).toBeLessThan(0.4);
  const accuracy = await trained(weighted);
  expect(accuracy).toBeGreaterThan(0.7);
  // The same from a file of labels.
  const labels = join(newFolder(), 'labels.csv');
  const rows = images.map(
    ({ name, labels: [label], split, isWrong }) => `${name}.jpg,${label},${split},${isWrong ? 0 : 1}`,
  );
  writeFileSync(labels, `path,label,split,weight\n${rows.join('\n')}\n`);
  expect(await trained(unweighted, ['--labels', labels])).toBe(accuracy);
});

it('that are all 0 are refused', async () => {
  const store = await syntheticStore(clusters(['a', 'b'], 20).map((image) => ({ ...image, weight: 0 })));
  const { status, stderr } = await permafrost(['train-head', '--features', store]);
  expect(status).toBe(1);
  expect(stderr).toContain(
    'Expected a training image with a weight above 0 for the sample weights but received 0',
  );
});

it('are carried from a manifest into the store', async () => {
  const data = newFolder();
  const rows = await Promise.all(
    [0.5, 2, 1].map(async (weight, index) => {
      const background = { r: 80 * index, g: 90, b: 10 };
      await sharp({ create: { width: 32, height: 32, channels: 3, background } })
        .png()
        .toFile(join(data, `${index}.png`));
      return `${index}.png,${index === 0 ? 'x' : 'y'},${weight}`;
    }),
  );
  writeFileSync(join(data, 'list.csv'), `image,label,Sample_Weights\n${rows.join('\n')}\n`);
  const out = join(newFolder(), 'store');
  const { status, stderr } = await permafrost([
    'extract',
    '--data',
    join(data, 'list.csv'),
    '--size',
    '32x32',
    '--out',
    out,
  ]);
  expect(status, stderr).toBe(0);
  for await (const { weights } of (await openStore(out)).parts())
    expect([...(weights ?? [])]).toEqual([0.5, 2, 1]);
});
