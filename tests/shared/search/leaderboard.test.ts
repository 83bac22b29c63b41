/** Where configurations stand, and whose parameters are kept. */
import { describe, expect, it } from 'vitest';
import { createLeaderboard } from '../../../src/shared/search/leaderboard.ts';
import type { HeadResult } from '../../../src/shared/training/result.ts';
import { linearConfigurations, linearHead } from '../../support/synthetic-search.ts';

const configurations = linearConfigurations(Array.from({ length: 40 }, () => ({})));
const [{ config }] = configurations;

/** @param numbers of parameters, zeros that take no memory until they are written */
function head(
  id: string,
  loss: number,
  { numbers = 4, ...result }: Partial<HeadResult & { numbers: number }> = {},
) {
  const { result: own } = linearHead({ id, config }, { loss, ...result });
  return { result: own, parameters: new Float32Array(numbers) };
}

function leaderboardOf(heads: readonly ReturnType<typeof head>[]) {
  const leaderboard = createLeaderboard(configurations, 'loss');
  for (const one of heads) leaderboard.add(one);
  return leaderboard;
}

describe('the leader', () => {
  it.each<[string, Partial<HeadResult>]>([
    ['diverged', { status: 'diverged' }],
    ['finished no epoch', { status: 'stopped', bestEpoch: 0 }],
  ])('is no head that %s', (_, result) => {
    const [good, bad] = [head('2', 0.5), head('1', 0.1, result)];
    expect(leaderboardOf([bad]).leader).toBeUndefined();
    expect(leaderboardOf([bad, good]).leader).toBe(good);
    expect(leaderboardOf([good, bad]).leader).toBe(good);
  });

  it.each([{ status: 'stopped' }, { status: 'dropped' }, { bestEpoch: 1 }] as const)(
    'can be one with %j',
    (result) => {
      const only = head('1', 0.5, result);
      expect(leaderboardOf([only]).leader).toBe(only);
    },
  );

  it('is the best head in whatever order they come, the earlier id of two that are equal', () => {
    const heads = [head('1', 0.3), head('2', 0.1), head('3', 0.1), head('10', 0.2)];
    expect(leaderboardOf(heads).leader).toBe(heads[1]);
    expect(leaderboardOf(heads.toReversed()).leader).toBe(heads[1]);
  });
});

describe('parameters are kept', () => {
  const keptOf = (heads: readonly ReturnType<typeof head>[]) => [...leaderboardOf(heads).kept.keys()];

  it('of the best 32 heads, the best first', () => {
    const heads = Array.from({ length: 40 }, (_, index) => head(String(index + 1), (index + 1) / 100));
    const best = heads.slice(0, 32).map(({ result }) => result.id);
    expect(keptOf(heads)).toEqual(best);
    expect(keptOf(heads.toReversed())).toEqual(best);
    expect(leaderboardOf(heads).kept.get('7')).toBe(heads[6]);
  });

  it('of heads with 2^24 numbers together, as far as the first that does not fit', () => {
    const half = { numbers: 2 ** 23 };
    expect(keptOf([head('1', 0.1, half), head('2', 0.2, half)])).toEqual(['1', '2']);
    const one = head('3', 0.3, { numbers: 1 });
    expect(keptOf([head('1', 0.1, half), head('2', 0.2, half), one])).toEqual(['1', '2']);
    const more = head('2', 0.2, { numbers: 2 ** 23 + 1 });
    expect(keptOf([one, head('1', 0.1, half), more])).toEqual(['1']);
  });

  it('of no head that has none', () => {
    expect(keptOf([head('1', 0.1, { numbers: 0 }), head('2', 0.2)])).toEqual(['2']);
  });
});

describe('lines', () => {
  const two = linearConfigurations([{}, {}], { seeds: 2 });

  it('are the means of what has finished so far', () => {
    const leaderboard = createLeaderboard(two, 'loss');
    expect(leaderboard.lines()).toEqual([]);
    const first = leaderboard.add(head('2-seed0', 0.4));
    expect(first).toMatchObject({ id: '2', val: { loss: 0.4 } });
    expect('runs' in first).toBe(false);
    const last = head('2-seed1', 0.2);
    expect(leaderboard.add(last)).toMatchObject({ id: '2', runs: 2, val: { loss: expect.closeTo(0.3) } });
    expect(leaderboard.lineOf(last)).toEqual(leaderboard.lines()[0]);
    leaderboard.add(head('1-seed1', 0.9));
    expect(leaderboard.lines().map(({ id }) => id)).toEqual(['2', '1']);
  });

  it('know their heads, the best first, and all heads in the order in which they came', () => {
    const leaderboard = createLeaderboard(two, 'loss');
    for (const one of [head('2-seed0', 0.4), head('1-seed0', 0.3), head('2-seed1', 0.2)])
      leaderboard.add(one);
    expect(leaderboard.runsOf('2').map(({ id }) => id)).toEqual(['2-seed1', '2-seed0']);
    expect(leaderboard.runsOf('3')).toEqual([]);
    expect(leaderboard.runs.map(({ id }) => id)).toEqual(['2-seed0', '1-seed0', '2-seed1']);
  });

  it('are of configurations that the sweep has', () => {
    expect(() => createLeaderboard(two, 'loss').add(head('3', 0.4))).toThrow(
      'The sweep has no configuration 3',
    );
  });
});
