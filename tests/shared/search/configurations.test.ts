/** Heads of one configuration: grouped, named, summarised. */
import { describe, expect, it } from 'vitest';
import { resolveConfig } from '../../../src/shared/head/resolve.ts';
import {
  configurationId,
  configurationsOf,
  jobsOf,
  summariseRuns,
  withSeeds,
} from '../../../src/shared/search/configurations.ts';
import { createLeaderboard } from '../../../src/shared/search/leaderboard.ts';
import { headResult } from '../../support/head-results.ts';

const fast = { config: resolveConfig({ lr: 0.1 }, 'multiclass'), source: 0 };
const slow = { config: resolveConfig({ lr: 0.01 }, 'multiclass'), source: 0 };

describe('configurations', () => {
  it('are heads that differ in their seed alone', () => {
    const found = configurationsOf(withSeeds([fast, slow], 3));
    expect(found).toEqual([
      { id: '1', ...fast, seeds: [0, 1, 2] },
      { id: '2', ...slow, seeds: [0, 1, 2] },
    ]);
  });

  it('have each seed once', () => {
    const [{ seeds }] = configurationsOf(
      withSeeds([slow, { ...slow, config: { ...slow.config, seed: 1 } }], 2),
    );
    expect(seeds).toEqual([0, 1, 2]);
  });

  it('differ in their source too, and say so where there are several', () => {
    const names = ['a', 'b'].map((features) => ({ features, pooling: 'avg' }));
    const found = configurationsOf([slow, { ...slow, source: 1 }], names);
    expect(found.map(({ id, source, sourceName }) => [id, source, sourceName?.features])).toEqual([
      ['1', 0, 'a'],
      ['2', 1, 'b'],
    ]);
    expect(jobsOf(found[1]).map(({ source }) => source)).toEqual([1]);
    expect(summariseRuns(found[1], [headResult('2', 0.5)]).source).toEqual(names[1]);
  });

  it('name their heads after seed and fold, as far as there are several', () => {
    const [one] = configurationsOf([slow]);
    const [two] = configurationsOf(withSeeds([slow], 2));
    expect(jobsOf(one).map(({ id }) => id)).toEqual(['1']);
    expect(jobsOf(one, 2).map(({ id }) => id)).toEqual(['1-fold2']);
    const jobs = jobsOf(two, 3);
    expect(jobs.map(({ id }) => id)).toEqual(['1-seed0-fold3', '1-seed1-fold3']);
    expect(jobs.map(({ config }) => config.seed)).toEqual([0, 1]);
    expect(jobs.map(({ id }) => configurationId(id))).toEqual(['1', '1']);
  });
});

describe('a line of the leaderboard', () => {
  const [configuration] = configurationsOf(withSeeds([fast], 2));

  it('has the mean of several heads and how far they spread', () => {
    const runs = [headResult('1-seed1', 0.75, { bestEpoch: 4 }), headResult('1-seed0', 0.25)];
    expect(summariseRuns(configuration, runs)).toEqual({
      id: '1',
      config: fast.config,
      status: 'done',
      runs: 2,
      epochs: 2,
      bestEpoch: 3,
      seconds: 0.5,
      // No metric that the heads do not have.
      val: { loss: 0.5, accuracy: 0.5 },
      spread: { loss: 0, accuracy: expect.closeTo(Math.SQRT2 / 4, 10) },
      test: null,
      history: [],
    });
  });

  it('leaves out values that a fold leaves undefined', () => {
    const runs = [headResult('a', 0.5, { val: { auc: null } }), headResult('b', 0.5, { val: { auc: 0.75 } })];
    expect(summariseRuns(configuration, runs)).toMatchObject({ val: { auc: 0.75 }, spread: { auc: 0 } });
  });

  it('counts as diverged when one head did', () => {
    const runs = [headResult('a', 0.5), headResult('b', 0, { status: 'diverged', val: {} })];
    expect(summariseRuns(configuration, runs)).toMatchObject({ status: 'diverged', val: {} });
  });
});

describe('standings', () => {
  it('have the means of configurations and the best head with its parameters', () => {
    const configurations = configurationsOf(withSeeds([fast, slow], 2));
    const leaderboard = createLeaderboard(configurations, 'accuracy');
    const trained = Object.entries({ '1-seed0': 0.9, '1-seed1': 0.5, '2-seed0': 0.8, '2-seed1': 0.7 }).map(
      ([id, accuracy]) => ({ result: headResult(id, accuracy), parameters: new Float32Array(3) }),
    );
    for (const head of trained.toReversed()) leaderboard.add(head);
    const means = Object.fromEntries(leaderboard.lines().map(({ id, val }) => [id, val.accuracy]));
    expect(means).toEqual({ 1: expect.closeTo(0.7), 2: expect.closeTo(0.75) });
    expect(leaderboard.leader).toBe(trained[0]);
    expect(leaderboard.runsOf('2').map(({ id }) => id)).toEqual(['2-seed0', '2-seed1']);
  });

  it('have no leader while every head diverged', () => {
    const leaderboard = createLeaderboard(configurationsOf([fast]), 'loss');
    leaderboard.add({ result: headResult('1', 0, { status: 'diverged' }), parameters: new Float32Array(3) });
    expect(leaderboard.leader).toBeUndefined();
  });
});
