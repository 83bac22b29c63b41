/** Sweeps that are killed at random moments: 60 heads 20 times, and each way of searching once or twice. */
import { expect, it } from 'vitest';
import { random } from '../../src/shared/random.ts';
import { expectSameAfterKills } from '../support/fault-injection/sweep.ts';
import { newFolder } from '../support/folders.ts';
import { clusters, syntheticStore } from '../support/synthetic-store.ts';

it('ends with the same leaderboard after 20 kills, with no head trained twice once it was recorded', async () => {
  const store = await syntheticStore(clusters(['a', 'b', 'c'], 60));
  const grid = 'hidden=none,8,16,32,64;lr=1e-2,3e-3,1e-3;dropout=0,0.3;l2=0,1e-4';
  const stream = random(20, 'kills');
  const delays = Array.from({ length: 20 }, () => Math.round(100 + 1500 * stream.uniform()));
  const args = ['--features', store, '--grid', grid, '--epochs', '600', '--early-stopping', '0'];
  expect(await expectSameAfterKills(args, newFolder(), delays)).toBe(20);
});

it('ends with the same leaderboard when sources compete', async () => {
  const images = clusters(['a', 'b', 'c'], 30);
  const stores = [
    await syntheticStore(images, { backbone: 'vgg16' }),
    await syntheticStore([...images].reverse()),
  ];
  const grid = `features=${stores.join(',')};hidden=none,8,32;lr=1e-2,1e-3`;
  await expectSameAfterKills(
    ['--grid', grid, '--epochs', '150', '--early-stopping', '0'],
    newFolder(),
    [700, 900],
  );
});

it('ends with the same leaderboard when features are read from disk', async () => {
  const store = await syntheticStore(clusters(['a', 'b', 'c'], 60));
  const grid = ['--grid', 'hidden=none,8,32;lr=1e-2,1e-3', '--epochs', '100', '--early-stopping', '0'];
  await expectSameAfterKills(['--features', store, '--max-memory', '4KB', ...grid], newFolder(), [800, 900]);
});

it('ends with the same leaderboard when heads leave by halving', async () => {
  const store = await syntheticStore(clusters(['a', 'b', 'c'], 30));
  const grid = 'lr=3e-2,1e-2,1e-5,1e-6,3e-6,1e-7;hidden=none,8';
  const halving = ['--halving', '--epochs', '90', '--early-stopping', '0', '--grid', grid];
  await expectSameAfterKills(['--features', store, ...halving], newFolder(), [700, 900, 1000]);
});
