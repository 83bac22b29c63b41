/** A sweep that is killed goes on where it was. */
import { it } from 'vitest';
import { expectSameAfterKills } from '../support/fault-injection/sweep.ts';
import { newFolder } from '../support/folders.ts';
import { clusters, syntheticStore } from '../support/synthetic-store.ts';

it('ends with the same leaderboard and the same best head as one that was never killed', async () => {
  const store = await syntheticStore(clusters(['a', 'b', 'c'], 30));
  const grid = 'hidden=none,8,16;lr=1e-2,1e-3;dropout=0,0.3';
  await expectSameAfterKills(
    ['--features', store, '--grid', grid, '--epochs', '60'],
    newFolder(),
    [300, 900],
  );
});
