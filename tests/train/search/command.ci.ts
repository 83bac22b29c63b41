/** Searching with several seeds and with folds, with the built command. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tableFromIPC } from 'apache-arrow';
import { parse } from 'csv-parse/sync';
import { expect, it } from 'vitest';
import { random, shuffle } from '../../../src/shared/random.ts';
import { permafrost, STACK_TRACE } from '../../support/command.ts';
import { newFolder } from '../../support/folders.ts';
import { clusters, labelled, type SyntheticImage, syntheticStore } from '../../support/synthetic-store.ts';

interface Best {
  id: string;
  config: { seed: number; lr: number };
  val: Record<string, number>;
  test: Record<string, number>;
  runs: number;
  mean: Record<string, number>;
  spread: Record<string, number>;
  thresholds?: Record<string, number>;
}

async function trained(images: readonly SyntheticImage[], args: readonly string[]) {
  const out = join(newFolder(), 'run');
  const store = await syntheticStore(images);
  const { status, stderr, stdout, summary } = await permafrost([
    'train-head',
    '--features',
    store,
    '--epochs',
    '5',
    '--out',
    out,
    '--json',
    ...args,
  ]);
  expect(status, stderr).toBe(0);
  const { best }: { best: Best } = JSON.parse(readFileSync(join(out, 'metrics.json'), 'utf8'));
  const csv = (name: string): Record<string, string>[] =>
    parse(readFileSync(join(out, name)), { columns: true });
  const history = tableFromIPC(readFileSync(join(out, 'history.arrow')));
  const heads = new Set<string>(history.getChild('head')?.toArray());
  return { best, csv, heads: [...heads].sort(), summary, stderr, stdout };
}

it('trains every head with several seeds and ranks by the mean', async () => {
  const { best, csv, heads, summary, stdout } = await trained(clusters(['a', 'b', 'c'], 30), [
    '--grid',
    'lr=1e-1,1e-5;hidden=8',
    '--seeds',
    '3',
    '--seed',
    '4',
  ]);
  expect(summary.heads).toBe(6);
  expect(heads).toEqual(['1-seed4', '1-seed5', '1-seed6', '2-seed4', '2-seed5', '2-seed6']);
  const leaderboard = csv('leaderboard.csv');
  expect(leaderboard.map(({ id, runs }) => [id, runs])).toEqual([
    ['1', '3'],
    ['2', '3'],
  ]);
  expect(best).toMatchObject({ id: '1', runs: 3 });
  expect(best.mean.loss).toBeCloseTo(Number(leaderboard[0].val_loss), 5);
  expect(best.spread.loss).toBeCloseTo(Number(leaderboard[0].val_loss_std), 5);
  expect(best.spread.loss).toBeGreaterThan(0);
  // The seed that is kept is the best of its configuration.
  expect(best.val.loss).toBeLessThan(best.mean.loss);
  expect(stdout).toMatch(/\d\.\d{4} ± \d\.\d{4}/);
});

it('cross-validates, trains the best again on all folds, and tests it once', async () => {
  const images = labelled(['a', 'b'], 100).map((image, index) => ({
    ...image,
    split: index % 5 === 0 ? ('test' as const) : ('train' as const),
  }));
  const args = ['--grid', 'lr=1e-1,1e-5', '--folds', '4'];
  const first = await trained(images, args);
  expect(first.heads).toEqual([1, 2].flatMap((id) => [1, 2, 3, 4].map((fold) => `${id}-fold${fold}`)));
  expect(first.stderr).toMatch(/80 images in 4 folds, 20 test images; 8 heads/);
  const { best } = first;
  expect(best).toMatchObject({ id: '1', runs: 4 });
  expect(best.val).toEqual(best.mean);
  expect(best.test.mAP).toBeGreaterThan(0.7);
  const [line] = first.csv('leaderboard.csv');
  expect(Number(line.test_mAP)).toBeCloseTo(best.test.mAP, 5);
  const splits = first.csv('predictions.csv').map(({ split }) => split);
  expect(splits.filter((split) => split === 'train')).toHaveLength(80);
  expect(splits.filter((split) => split === 'test')).toHaveLength(20);

  // The test labels decide nothing, the number of workers neither.
  const labels = shuffle(
    images.filter(({ split }) => split === 'test').map((image) => image.labels),
    random(2, 'shuffle'),
  );
  const shuffled = images.map((image) =>
    image.split === 'test' ? { ...image, labels: labels.pop() ?? [] } : image,
  );
  const second = await trained(shuffled, [...args, '--workers', '1']);
  const { test, ...chosen } = second.best;
  expect(test.mAP).not.toBe(best.test.mAP);
  expect({ ...chosen, tuned: undefined }).toEqual({ ...best, test: undefined, tuned: undefined });
});

it('refuses more folds than images, and fewer than two', async () => {
  const store = await syntheticStore(clusters(['a', 'b'], 5));
  for (const [folds, message, status] of [
    ['40', /Expected at least 40 images for --folds but received \d/, 1],
    ['1', /Expected a whole number of at least 2 for --folds but received "1"/, 2],
  ] as const) {
    const outcome = await permafrost(['train-head', '--features', store, '--folds', folds]);
    expect(outcome.status).toBe(status);
    expect(outcome.stderr).toMatch(message);
    expect(outcome.stderr).not.toMatch(STACK_TRACE);
  }
});

it('draws heads from ranges', async () => {
  const { csv, summary } = await trained(clusters(['a', 'b'], 20), [
    '--grid',
    'lr=log(1e-3..1e-1);dropout=0..0.5',
    '--random',
    '5',
  ]);
  expect(summary.heads).toBe(5);
  const lines = csv('leaderboard.csv');
  expect(new Set(lines.map(({ lr }) => lr)).size).toBe(5);
  for (const { lr, dropout } of lines) {
    expect(Number(lr)).toBeGreaterThanOrEqual(1e-3);
    expect(Number(lr)).toBeLessThanOrEqual(1e-1);
    expect(Number(dropout)).toBeLessThanOrEqual(0.5);
  }
});

it('chooses nothing when cross-validation is interrupted', async () => {
  const out = join(newFolder(), 'run');
  const store = await syntheticStore(clusters(['a', 'b'], 50));
  const args = ['--hidden', '512x512', '--epochs', '5000', '--early-stopping', '0', '--folds', '3'];
  let interrupted = false;
  const outcome = await permafrost(['train-head', '--features', store, '--out', out, ...args], {
    onStderr: (stderr, child) => {
      if (stderr.includes('3 heads') && !interrupted) interrupted = child.kill('SIGINT');
    },
  });
  expect(outcome.status).toBe(130);
  expect(outcome.stderr).toMatch(/Interrupted before a head was chosen: the same command resumes from there/);
  expect(existsSync(join(out, 'metrics.json'))).toBe(false);
});
