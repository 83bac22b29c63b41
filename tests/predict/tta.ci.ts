/** Views from extract through train-head to predict, with the built command. */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import sharp from 'sharp';
import { beforeAll, expect, it } from 'vitest';
import { drawLeaves } from '../../scripts/leaves.ts';
import { checkAugmentation } from '../../src/shared/augment/augmentation.ts';
import { contentHash, createViews } from '../../src/shared/augment/view.ts';
import { decodeImage } from '../../src/shared/images/decode.ts';
import { type Outcome, permafrost } from '../support/command.ts';
import { newFolder } from '../support/folders.ts';

const SIZE = { width: 64, height: 48 };
const root = newFolder();
const leaves = join(root, 'leaves');
const run = join(root, 'run');
let trained: Outcome;

async function done(...args: string[]): Promise<Outcome> {
  const outcome = await permafrost(args);
  expect(outcome.status, outcome.stderr).toBe(0);
  return outcome;
}

function json(path: string) {
  return JSON.parse(readFileSync(path, 'utf8'));
}

beforeAll(async () => {
  const labels = await drawLeaves(leaves, { count: 24, seed: 3 });
  const small = ['--weights', 'none', '--backbone', 'mobilenet_0.25', '--size', '64x48'];
  const views = ['--augment', '3:flip,rotate=40,zoom=0.3', '--seed', '5'];
  await done('extract', '--data', labels, ...small, ...views, '--out', join(root, 'store'));
  trained = await done('train-head', '--features', join(root, 'store'), '--epochs', '5', '--out', run);
});

it('trains on the views of training images and measures on images', () => {
  const { rows } = json(join(run, 'metrics.json'));
  expect(rows.train + rows.val + rows.test).toBe(24);
  expect(rows).toMatchObject({ all: 24, views: 3 * rows.train });
  expect(trained.stderr).toContain(
    `${rows.train} (and ${rows.views} views) training, ${rows.val} validation`,
  );
  const lines: { path: string }[] = parse(readFileSync(join(run, 'predictions.csv')), { columns: true });
  expect(new Set(lines.map(({ path }) => path)).size).toBe(24);
  expect(lines).toHaveLength(24);
});

it('validates folds on images only', async () => {
  const folded = join(root, 'folded');
  await done(
    ...['train-head', '--features', join(root, 'store'), '--epochs', '3', '--folds', '3', '--out', folded],
    ...['--normalize', 'standardize'],
  );
  expect(json(join(folded, 'metrics.json')).rows).toMatchObject({ all: 24 });
});

it('predict --tta averages the predictions for the views that training saw', async () => {
  const image = join(leaves, readdirSync(leaves).find((name) => name.endsWith('.jpg'))!);
  const head = ['predict', '--head', join(run, 'best')];
  const { augment } = json(join(run, 'best', 'head.json'));
  expect(augment).toEqual({ views: 3, kind: 'flip,rotate=40,zoom=0.3;seed=5' });
  const bytes = readFileSync(image);
  const pixels = await decodeImage(bytes, SIZE);
  const { numbers, pixels: drawn } = createViews(checkAugmentation(augment, 'head.json'));
  const folder = join(root, 'views');
  mkdirSync(folder);
  for (const view of numbers) {
    const raw = drawn(pixels, SIZE, contentHash(bytes), view);
    await sharp(raw, { raw: { ...SIZE, channels: 3 } })
      .png()
      .toFile(join(folder, `${view}.png`));
  }
  const predictions = async (...args: string[]): Promise<{ probabilities: Record<string, number> }[]> =>
    JSON.parse((await done(...head, ...args)).stdout).predictions;
  // A batch that ends in the middle of an image's views.
  const [averaged, ...others] = await predictions('--tta', '--batch-size', '3', image);
  expect(others).toEqual([]);
  const each = await predictions(folder);
  expect(each).toHaveLength(4);
  for (const [label, probability] of Object.entries(averaged.probabilities)) {
    const mean = each.reduce((sum, { probabilities }) => sum + probabilities[label], 0) / 4;
    expect(Math.abs(probability - mean)).toBeLessThan(1e-5);
  }
  expect(new Set(each.map(({ probabilities }) => JSON.stringify(probabilities))).size).toBe(4);
});

it('refuses --tta for a head without views', async () => {
  const plain = join(root, 'plain');
  const small = ['--weights', 'none', '--backbone', 'mobilenet_0.25', '--size', '64x48'];
  await done('extract', '--data', join(leaves, 'labels.csv'), ...small, '--out', join(root, 'without'));
  await done('train-head', '--features', join(root, 'without'), '--epochs', '2', '--out', plain);
  const refused = await permafrost(['predict', '--head', join(plain, 'best'), '--tta', leaves]);
  expect(refused.status).toBe(2);
  expect(refused.stderr).toContain(
    '--tta needs a head that was trained on views (extract --augment, fine-tune --views)',
  );
});
