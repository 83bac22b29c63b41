/** Which heads successive halving keeps and drops, whatever the order in which they arrive. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pausedInMemory } from '../../../src/shared/checkpoint/paused-heads.ts';
import { resolveConfig } from '../../../src/shared/head/resolve.ts';
import { type Competition, joinEnded, type TrainJobs } from '../../../src/shared/search/competition.ts';
import { configurationsOf, type HeadJob, withSeeds } from '../../../src/shared/search/configurations.ts';
import { describeRungs, halve, resultAfter, rungsOf } from '../../../src/shared/search/halving.ts';
import { createLeaderboard } from '../../../src/shared/search/leaderboard.ts';
import type { PausedHead, TrainedHead } from '../../../src/shared/training/head-progress.ts';
import type { HeadResult } from '../../../src/shared/training/result.ts';

function some(count: number, epochs: number, seeds = 1) {
  const heads = Array.from({ length: count }, (_, index) => ({
    config: resolveConfig({ lr: 1e-3 * (index + 1), epochs }, 'multiclass'),
    source: 0,
  }));
  return configurationsOf(withSeeds(heads, seeds));
}

/** A head after so many epochs of a list of losses; NaN: it diverges. */
function headAfter(job: HeadJob, losses: readonly number[], epochs: number): TrainedHead {
  const history = losses
    .slice(0, epochs)
    .map((loss, index) => ({ epoch: index + 1, lr: 1, trainLoss: 1, val: { loss } }));
  const diverged = history.some(({ val }) => Number.isNaN(val.loss));
  const best = history.reduce((found, one) => (one.val.loss < found.val.loss ? one : found));
  const result: HeadResult = {
    id: job.id,
    config: job.config,
    seconds: 1,
    test: null,
    history,
    epochs,
    status: diverged ? 'diverged' : 'done',
    bestEpoch: best.epoch,
    val: diverged ? {} : best.val,
  };
  return { result, parameters: new Float32Array(2) };
}

type Losses = Readonly<Record<string, readonly number[]>>;

/**
 * Halves heads with these losses by id, which only pretend to train.
 * @param order in which the jobs of a rung come to its end
 */
async function halved(
  losses: Losses,
  {
    factor = 2,
    seeds = 1,
    order = (jobs: readonly HeadJob[]) => [...jobs],
    signal = new AbortController().signal,
    finished = [] as readonly TrainedHead[],
    paused = pausedInMemory(),
  } = {},
) {
  const epochs = Math.max(...Object.values(losses).map(({ length }) => length));
  const configurations = some(Object.keys(losses).length / seeds, epochs, seeds);
  const trained: string[] = [];
  const train: TrainJobs = async (jobs, { onEnded, onPaused }) => {
    for (const job of order(jobs)) {
      const { id, startAfter = 0, pauseAfter } = job;
      const whole = losses[id];
      const diverges = whole.findIndex(Number.isNaN) + 1 || whole.length + 1;
      const until = Math.min(pauseAfter ?? whole.length, whole.length, diverges);
      if (startAfter > 0) expect(paused.get(id).trained.result.epochs).toBe(startAfter);
      trained.push(`${id}: ${startAfter + 1}-${until}`);
      const head = headAfter(job, whole, until);
      const ends = until === diverges || until === whole.length;
      const state = {
        parameters: head.parameters,
        slots: [],
        steps: until,
      } as unknown as PausedHead['state'];
      if (!ends) onPaused?.({ trained: head, probabilities: new Float32Array(2), state });
      else {
        joinEnded(head, search);
        onEnded?.(head.result);
      }
    }
  };
  const leaderboard = createLeaderboard(configurations, 'loss');
  const records: string[] = [];
  const search: Competition = {
    configurations,
    leaderboard,
    signal,
    paused,
    view: { epochs: () => {}, finished: () => {}, stop: () => {} },
    checkpoint: {
      results: finished.map(({ result }) => result),
      leader: finished[0],
      folder: '',
      paused,
      record: ({ result }) => void records.push(`${result.id} ${result.status}`),
      finish: () => {},
      close: () => {},
    },
  };
  await halve(search, rungsOf(configurations, factor), train);
  const ended = Object.fromEntries(
    leaderboard.runs.map(({ id, status, epochs: run }) => [id, `${status} ${run}`]),
  );
  return { ended, records, waiting: [...paused.results.keys()], trained, leaderboard };
}

const flat = (loss: number, epochs = 4) => Array<number>(epochs).fill(loss);

describe('halving', () => {
  it('keeps the better half at each rung and trains those that it dropped no further', async () => {
    const { ended, trained, records, waiting } = await halved({
      1: flat(0.4),
      2: flat(0.1),
      3: flat(0.3),
      4: flat(0.2),
    });
    expect(ended).toEqual({ 1: 'dropped 1', 2: 'done 4', 3: 'dropped 1', 4: 'dropped 2' });
    expect(trained).toEqual(['1: 1-1', '2: 1-1', '3: 1-1', '4: 1-1', '2: 2-2', '4: 2-2', '2: 3-4']);
    // Each head is on record once, and none waits any more.
    expect(records.toSorted()).toEqual(['1 dropped', '2 done', '3 dropped', '4 dropped']);
    expect(waiting).toEqual([]);
  });

  it('judges a head by its best epoch up to the rung', async () => {
    const { ended } = await halved({
      1: [0.5, 0.9, 0.9, 0.9],
      2: [0.6, 0.6, 0.1, 0.1],
      3: [0.7, 0.1, 0.1, 0.1],
      4: [0.8, 0.1, 0.1, 0.1],
    });
    expect(ended).toEqual({ 1: 'done 4', 2: 'dropped 2', 3: 'dropped 1', 4: 'dropped 1' });
  });

  it('keeps the earlier one of two that are equal', async () => {
    const { ended } = await halved({ 1: flat(0.2), 2: flat(0.2), 3: flat(0.2), 4: flat(0.2) });
    expect(ended).toEqual({ 1: 'done 4', 2: 'dropped 2', 3: 'dropped 1', 4: 'dropped 1' });
  });

  it('counts a head that early stopping ended before the rung among those that go on or leave', async () => {
    const others = { 2: flat(0.2, 8), 3: flat(0.3, 8), 4: flat(0.4, 8) };
    const good = await halved({ 1: [0.1], ...others });
    expect(good.ended).toEqual({ 1: 'done 1', 2: 'dropped 4', 3: 'dropped 2', 4: 'dropped 2' });
    const bad = await halved({ 1: [0.9], ...others });
    expect(bad.ended).toEqual({ 1: 'done 1', 2: 'done 8', 3: 'dropped 4', 4: 'dropped 2' });
  });

  it('prefers any head to one that diverged, which is not said to be dropped', async () => {
    const { ended, records } = await halved({
      1: [Number.NaN, 0, 0, 0],
      2: flat(0.9),
      3: flat(0.8),
      4: [0.1, Number.NaN, 0, 0],
    });
    expect(ended).toEqual({ 1: 'diverged 1', 2: 'dropped 1', 3: 'done 4', 4: 'diverged 2' });
    expect(records).toHaveLength(4);
  });

  it('keeps or drops all seeds of a head by their mean', async () => {
    const { ended } = await halved(
      {
        '1-seed0': flat(0.1, 2),
        '1-seed1': flat(0.9, 2),
        '2-seed0': flat(0.4, 2),
        '2-seed1': flat(0.4, 2),
      },
      { seeds: 2 },
    );
    expect(ended).toEqual({
      '1-seed0': 'dropped 1',
      '1-seed1': 'dropped 1',
      '2-seed0': 'done 2',
      '2-seed1': 'done 2',
    });
  });

  it('leaves the same heads as sorting all of them at each rung does, in whatever order they arrive', async () => {
    const heads = fc.array(fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 9, maxLength: 9 }), {
      minLength: 3,
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(
        heads,
        fc.constantFrom(2, 3),
        fc.infiniteStream(fc.nat()),
        async (lists, factor, keys) => {
          const losses = Object.fromEntries(lists.map((list, index) => [String(index + 1), list]));
          let left = Object.keys(losses);
          const expected: Record<string, string> = {};
          const rungs = rungsOf(some(left.length, 9), factor);
          for (const [index, { until }] of rungs.entries()) {
            const epochs = until(some(1, 9)[0].config);
            const best = (id: string) => Math.min(...losses[id].slice(0, epochs));
            const sorted = left.toSorted((a, b) => best(a) - best(b) || Number(a) - Number(b));
            const isLast = index === rungs.length - 1;
            left = isLast ? sorted : sorted.slice(0, Math.ceil(left.length / factor));
            for (const id of sorted) expected[id] = `${left.includes(id) ? 'done' : 'dropped'} ${epochs}`;
          }
          const order = (jobs: readonly HeadJob[]) =>
            jobs
              .map((job) => ({ job, key: keys.next().value ?? 0 }))
              .sort((a, b) => a.key - b.key)
              .map(({ job }) => job);
          expect((await halved(losses, { factor, order })).ended).toEqual(expected);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('goes on from what an earlier run recorded and paused as if there had been one run', async () => {
    const losses = { 1: flat(0.4), 2: flat(0.1), 3: flat(0.3), 4: flat(0.2) };
    const whole = await halved(losses);
    const [one, two, three, four] = some(4, 4).map(({ id, config }) => ({ id, config }));
    const paused = pausedInMemory();
    const state = {} as PausedHead['state'];
    for (const job of [two, four])
      paused.put({
        trained: headAfter(job, losses[job.id as '1'], 1),
        probabilities: new Float32Array(2),
        state,
      });
    const first = headAfter(one, losses[1], 1);
    const finished = [{ ...first, result: { ...first.result, status: 'dropped' as const } }];
    const again = await halved(losses, { finished, paused });
    expect(again.ended).toEqual(whole.ended);
    expect(again.trained).toEqual([`${three.id}: 1-1`, '2: 2-2', '4: 2-2', '2: 3-4']);
  });

  it('that is interrupted shows paused heads as stopped, and leaves them waiting', async () => {
    const controller = new AbortController();
    const order = (jobs: readonly HeadJob[]) => {
      controller.abort();
      return [...jobs];
    };
    const { ended, waiting, trained } = await halved(
      { 1: flat(0.4), 2: flat(0.1), 3: flat(0.3), 4: flat(0.2) },
      { signal: controller.signal, order },
    );
    expect(trained).toHaveLength(4);
    expect(ended).toEqual({ 1: 'dropped 1', 2: 'stopped 1', 3: 'dropped 1', 4: 'stopped 1' });
    expect(waiting).toEqual(['2', '4']);
  });
});

function drawn(count: number, epochs: number, factor: number): [number, number][] {
  const configurations = some(count, epochs);
  return rungsOf(configurations, factor).map((rung) => [
    rung.configurations,
    rung.until(configurations[0].config),
  ]);
}

describe('rungs', () => {
  it('start as many heads as there are for a share of the epochs', () => {
    expect(drawn(16, 100, 3)).toEqual([
      [16, 12],
      [6, 34],
      [2, 100],
    ]);
    expect(drawn(8, 8, 2)).toEqual([
      [8, 1],
      [4, 2],
      [2, 4],
      [1, 8],
    ]);
  });

  it('are none below one epoch, nor for more heads than there are', () => {
    expect(drawn(100, 4, 3)).toEqual([
      [100, 2],
      [34, 4],
    ]);
    expect(drawn(3, 100, 3)).toEqual([
      [3, 34],
      [1, 100],
    ]);
  });

  it('are described by the longest head', () => {
    const mixed = [...some(3, 27), ...some(9, 9)];
    expect(describeRungs(rungsOf(mixed, 3), mixed)).toBe('Halving: 12 heads to epoch 3, 4 to 9, 2 to 27');
  });

  it.each([
    [2, 100, 'at least 3 different heads for --halving but received 2'],
    [3, 2, 'at least 3 epochs for --halving but received 2'],
  ])('cannot be made of %i heads of %i epochs', (count, epochs, message) => {
    expect(() => rungsOf(some(count, epochs), 3)).toThrow(message);
  });
});

describe('resultAfter', () => {
  const [{ config }] = some(1, 10);
  const whole = headAfter({ id: '1', config }, [0.5, 0.4, 0.6, 0.4, 0.3], 5).result;

  it('is what the head had by then, its first best epoch', () => {
    expect(resultAfter(whole, 4, 'loss')).toMatchObject({
      status: 'done',
      epochs: 4,
      bestEpoch: 2,
      val: { loss: 0.4 },
    });
    expect(resultAfter(whole, 1, 'loss')).toMatchObject({ epochs: 1, bestEpoch: 1, val: { loss: 0.5 } });
  });

  it('is the head itself where it went no further', () => {
    expect(resultAfter(whole, 5, 'loss')).toBe(whole);
  });
});
