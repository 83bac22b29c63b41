/** How heads compete, join the leaderboard and are trained again, whatever trains them. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Checkpoint } from '../../../src/shared/checkpoint/writer.ts';
import type { TrainingData } from '../../../src/shared/dataset/data.ts';
import type { TrainedHead } from '../../../src/shared/training/head-progress.ts';
import type { HeadResult } from '../../../src/shared/training/result.ts';
import {
  compete,
  normalizationsOf,
  type Search,
  sweepInto,
  trainAgain,
} from '../../../src/train/search/search.ts';
import { type SweepOptions, sweep } from '../../../src/train/sweep/sweep.ts';
import {
  DATA,
  linearConfigurations,
  linearHead,
  pretendSweep,
  searchOf,
} from '../../support/synthetic-search.ts';

vi.mock('../../../src/train/sweep/sweep.ts', () => ({ sweep: vi.fn() }));
beforeEach(() => {
  vi.mocked(sweep).mockReset();
});

const configurations = linearConfigurations([{ epochs: 10 }, { epochs: 20 }, { epochs: 30 }]);
const [one, two, three] = configurations;
const DATA_OF_FIRST = new Map([[0, DATA]]);

/** Notes what is recorded. */
function checkpointOf(search: Search, finished: readonly TrainedHead[] = []): [Search, TrainedHead[]] {
  const recorded: TrainedHead[] = [];
  const checkpoint: Checkpoint = {
    results: finished.map(({ result }) => result),
    leader: finished[0],
    folder: '',
    paused: search.paused,
    record: (head) => void recorded.push(head),
    finish: vi.fn(),
    close: vi.fn(),
  };
  return [{ ...search, checkpoint }, recorded];
}

describe('competing heads', () => {
  it('join the leaderboard as they end, and are recorded unless they were stopped', async () => {
    const outcomes: Record<string, Partial<HeadResult>> = {
      1: { epochs: 4 },
      2: { epochs: 20, status: 'diverged' },
      3: { epochs: 5, status: 'stopped' },
    };
    const { sweep: pretended } = pretendSweep((job) => linearHead(job, outcomes[job.id]));
    vi.mocked(sweep).mockImplementation(pretended);
    const [search, recorded] = checkpointOf(searchOf(configurations));
    await compete(configurations, DATA_OF_FIRST, search);
    expect(search.leaderboard.runs.map(({ id }) => id)).toEqual(['1', '2', '3']);
    expect(recorded.map(({ result }) => result.id)).toEqual(['1', '2']);
    expect(search.leaderboard.kept.get('1')).toBe(recorded[0]);
    // Each with its line, and the epochs that it did not need.
    expect(vi.mocked(search.view.finished).mock.calls.map(([{ id }, left]) => [id, left])).toEqual([
      ['1', 6],
      ['2', 0],
      ['3', 25],
    ]);
  });

  it('that are on record are not trained again', async () => {
    const { sweep: pretended, trainings } = pretendSweep((job) => linearHead(job, {}));
    vi.mocked(sweep).mockImplementation(pretended);
    const finished = [linearHead(two, { loss: 0.1 }), linearHead(one, { loss: 0.2 })];
    const [search, recorded] = checkpointOf(searchOf(configurations), finished);
    await compete(configurations, DATA_OF_FIRST, search);
    expect(trainings.map(({ job }) => job.id)).toEqual(['3']);
    expect(recorded.map(({ result }) => result.id)).toEqual(['3']);
    // Parameters are on record for the leader alone.
    expect([...search.leaderboard.kept.keys()]).toEqual(['2', '3']);
    expect(search.leaderboard.leader?.parameters).toBe(finished[0].parameters);
    expect(vi.mocked(search.view.finished).mock.calls.map(([{ id }, left]) => [id, left])).toEqual([
      ['1', 10],
      ['2', 20],
      ['3', 28],
    ]);
  });

  it('are shown no epoch that they do not have, where more were trained than their own', async () => {
    vi.mocked(sweep).mockImplementation(pretendSweep((job) => linearHead(job, { epochs: 11 })).sweep);
    const search = searchOf(configurations);
    await compete([one], DATA_OF_FIRST, search);
    expect(search.view.finished).toHaveBeenCalledWith(expect.anything(), 0);
  });

  it('train on their own source, the first where they name none', async () => {
    const other: TrainingData = { ...DATA, rows: { train: 3, val: 3, test: 1 } };
    const { sweep: pretended, trainings } = pretendSweep((job) => linearHead(job, {}));
    vi.mocked(sweep).mockImplementation(pretended);
    const jobs = [
      { ...one, source: 1 },
      { id: two.id, config: two.config },
      { ...three, source: 0 },
    ];
    const data = new Map([
      [0, DATA],
      [1, other],
    ]);
    await compete(jobs, data, searchOf(configurations));
    const trained = trainings.map(({ job, rows }) => [job.id, rows.train]);
    expect(trained).toEqual([
      ['2', 4],
      ['3', 4],
      ['1', 3],
    ]);
    trainings.length = 0;
    const again = await trainAgain(jobs, data, searchOf(configurations));
    expect(trainings.map(({ job, rows }) => [job.id, rows.train])).toEqual(trained);
    // In the order in which they were requested.
    expect(again.map(({ result }) => result.id)).toEqual(['1', '2', '3']);
  });

  it('say what becomes of them, and find those that waited', async () => {
    const options: SweepOptions[] = [];
    vi.mocked(sweep).mockImplementation(async (_, given) => void options.push(given));
    const search = searchOf(configurations, { engine: 'an engine', workers: 3 });
    const [onEnded, onPaused] = [vi.fn(), vi.fn()];
    const waiting = { trained: linearHead(one, {}) } as Parameters<typeof search.paused.put>[0];
    search.paused.put(waiting);
    await sweepInto([one], DATA_OF_FIRST, search, { onEnded, onPaused });
    const [given] = options;
    expect(given).toMatchObject({ data: DATA, engine: 'an engine', workers: 3, signal: search.signal });
    expect(given.pausedHead?.('1')).toBe(waiting);
    given.onEpoch(7);
    expect(search.view.epochs).toHaveBeenCalledWith(7);
    given.onPaused?.(waiting);
    expect(onPaused).toHaveBeenCalledWith(waiting);
    const ended = linearHead(one, {});
    given.onFinished(ended);
    expect(onEnded).toHaveBeenCalledWith(ended.result);
  });
});

describe('heads that are trained again', () => {
  it('do not join the leaderboard, and those that did not end are left out', async () => {
    vi.mocked(sweep).mockImplementation(
      pretendSweep((job) => (job.id === '2' ? undefined : linearHead(job, {}))).sweep,
    );
    const search = searchOf(configurations);
    const again = await trainAgain(configurations, DATA_OF_FIRST, search);
    expect(again.map(({ result }) => result.id)).toEqual(['1', '3']);
    expect(search.leaderboard.runs).toEqual([]);
  });

  it('are none after an interruption, whose reason is thrown', async () => {
    const controller = new AbortController();
    vi.mocked(sweep).mockImplementation(async () => controller.abort(new Error('enough')));
    const search = searchOf(configurations, { signal: controller.signal });
    await expect(trainAgain([one], DATA_OF_FIRST, search)).rejects.toThrow('enough');
  });
});

it('a source is normalised as its own heads ask', () => {
  const mixed = linearConfigurations(
    [{ normalize: 'l2' }, { normalize: 'standardize' }, { normalize: 'l2', l2: 0.1 }, { normalize: 'none' }],
    { sources: [0, 1, 0, 0] },
  );
  expect([...normalizationsOf(mixed, 0)]).toEqual(['l2', 'none']);
  expect([...normalizationsOf(mixed, 1)]).toEqual(['standardize']);
});
