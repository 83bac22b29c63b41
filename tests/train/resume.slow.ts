/** A sweep of 60 heads, killed at 20 random moments. */
import { it } from 'vitest';
import { random } from '../../src/shared/random.ts';
import { newFolder } from '../command.ts';
import { expectSameAfterKills } from './killed.ts';
import { clusters, madeStore } from './made-store.ts';

it('ends with the same leaderboard after 20 kills, with no head trained twice once it was recorded', async () => {
  const store = await madeStore(clusters(['a', 'b', 'c'], 60));
  const grid = 'hidden=none,8,16,32,64;lr=1e-2,3e-3,1e-3;dropout=0,0.3;l2=0,1e-4';
  const stream = random(20, 'kills');
  const delays = Array.from({ length: 20 }, () => Math.round(100 + 1500 * stream.uniform()));
  const args = ['--features', store, '--grid', grid, '--epochs', '150', '--early-stopping', '0'];
  await expectSameAfterKills(args, newFolder(), delays);
});
