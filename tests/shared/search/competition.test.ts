/** Which line of the leaderboard wins. */
import { describe, expect, it } from 'vitest';
import { winningLine } from '../../../src/shared/search/competition.ts';
import type { TrainedHead } from '../../../src/shared/training/head-progress.ts';
import type { HeadResult } from '../../../src/shared/training/result.ts';
import { linearConfigurations, linearHead, searchOf } from '../../support/synthetic-search.ts';

describe('the winning line', () => {
  const seeded = linearConfigurations([{}, {}], { seeds: 2 });
  const [first, second] = seeded;
  const winnerOf = (heads: readonly TrainedHead[]) => {
    const search = searchOf(seeded);
    for (const head of heads) search.leaderboard.add(head);
    return winningLine(search);
  };
  const head = (
    id: string,
    config: typeof first.config,
    loss: number,
    status: HeadResult['status'] = 'done',
  ) => linearHead({ id, config }, { loss, status });

  it('is the best on average, not that of the best head', () => {
    const heads = [
      head('1-seed0', first.config, 0.1),
      head('1-seed1', first.config, 0.9),
      head('2-seed0', second.config, 0.3),
      head('2-seed1', second.config, 0.4),
    ];
    expect(winnerOf(heads)).toMatchObject({ id: '2', val: { loss: expect.closeTo(0.35) } });
  });

  it('is that of the best head where each has one that diverged', () => {
    const heads = [
      head('1-seed0', first.config, 0.2),
      head('1-seed1', first.config, 0, 'diverged'),
      head('2-seed0', second.config, 0.1),
      head('2-seed1', second.config, 0, 'diverged'),
    ];
    expect(winnerOf(heads)).toMatchObject({ id: '2', status: 'diverged' });
  });

  it('is none without a head that could be trained', () => {
    expect(() => winnerOf([head('1-seed0', first.config, 0, 'diverged')])).toThrow(
      'No head could be trained',
    );
  });
});
