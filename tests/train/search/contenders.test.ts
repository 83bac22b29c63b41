/** Which heads are compared with the chosen one, and what they are trained on where their parameters are gone. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { TrainingData } from '../../../src/shared/dataset/data.ts';
import type { HeadRequest } from '../../../src/shared/head/options.ts';
import type { HeadJob } from '../../../src/shared/search/configurations.ts';
import type { HeadResult } from '../../../src/shared/training/result.ts';
import { contendersOf } from '../../../src/train/search/contenders.ts';
import type { Found, Search } from '../../../src/train/search/search.ts';
import { sweep } from '../../../src/train/sweep/sweep.ts';
import {
  DATA,
  FEATURES,
  linearConfigurations,
  linearHead,
  pretendSweep,
  probabilitiesOf,
  ROWS,
  searchOf,
  type Training,
} from '../../support/synthetic-search.ts';

vi.mock('../../../src/train/sweep/sweep.ts', () => ({ sweep: vi.fn() }));

/** A line of the leaderboard: the head of configuration `at + 1`, whose slope is its number. */
interface Line extends Omit<Partial<HeadResult>, 'source'> {
  loss: number;
  source?: number;
  request?: Partial<HeadRequest>;
  /** Its parameters are not kept. */
  isLost?: boolean;
}

let trainings: Training[] = [];
beforeEach(() => {
  trainings = [];
  vi.mocked(sweep).mockReset();
});

/** Lets heads that are trained again have these parameters. */
function retrain(parametersOf: (job: HeadJob) => Float32Array | undefined): void {
  const pretended = pretendSweep((job) => {
    const parameters = parametersOf(job);
    return parameters && { ...linearHead(job, {}), parameters };
  });
  trainings = pretended.trainings;
  vi.mocked(sweep).mockImplementation(pretended.sweep);
}

/** The first line is the chosen one. */
function contest(
  lines: readonly Line[],
  { data = DATA, ...overrides }: Partial<Search> & { data?: TrainingData } = {},
): [Found, Search] {
  const configurations = linearConfigurations(
    lines.map(({ request }) => request ?? {}),
    { sources: lines.map(({ source = 0 }) => source) },
  );
  const search = searchOf(configurations, overrides);
  for (const [index, { request: _, source: __, isLost, ...result }] of lines.entries()) {
    const head = linearHead(configurations[index], { slope: index + 1, ...result });
    search.leaderboard.add(isLost ? { ...head, parameters: new Float32Array(0) } : head);
  }
  const [chosen] = configurations;
  const found: Found = {
    head: linearHead(chosen, { slope: 1 }),
    prepared: { data, statistics: undefined },
    validation: { task: 'multiclass', rows: 2, classes: 2, ...chosenAnswers },
    line: search.leaderboard.lines()[0],
    source: lines[0].source ?? 0,
    data: new Map([[lines[0].source ?? 0, data]]),
  };
  return [found, search];
}
const chosenAnswers = { probabilities: Float32Array.of(1, 0, 1, 0), targets: Uint8Array.of(1, 0, 0, 1) };

const idsOf = async (...args: Parameters<typeof contest>) =>
  (await contendersOf(...contest(...args))).map(({ id }) => id);

describe('contenders', () => {
  it('are the chosen line as it was found, then the others from best to worst with their own answers', async () => {
    const [found, search] = contest([{ loss: 0.4 }, { loss: 0.3 }, { loss: 0.1 }, { loss: 0.2 }]);
    const [first, ...others] = await contendersOf(found, search);
    expect(first).toEqual({ id: '1', run: search.leaderboard.runsOf('1')[0], validation: found.validation });
    expect(others.map(({ id, run }) => [id, run])).toEqual(
      ['3', '4', '2'].map((id) => [id, search.leaderboard.runsOf(id)[0]]),
    );
    for (const { id, validation } of others) {
      expect(validation).toMatchObject({ task: 'multiclass', rows: 2, classes: 2 });
      expect([...validation.probabilities]).toEqual(probabilitiesOf(Number(id), FEATURES.slice(4, 6)));
      expect([...validation.targets]).toEqual([1, 0, 0, 1]);
    }
    expect(sweep).not.toHaveBeenCalled();
  });

  it('are ranked by what the chosen head monitors', async () => {
    const accuracy = [0.9, 0.5, 0.8].map((value, index) => ({
      loss: index,
      val: { loss: index, accuracy: value },
    }));
    const request = { monitor: 'accuracy' as const };
    expect(await idsOf(accuracy.map((line) => ({ ...line, request })))).toEqual(['1', '3', '2']);
  });

  it('are eight at most', async () => {
    const lines = Array.from({ length: 10 }, (_, index) => ({ loss: (index + 1) / 10 }));
    expect(await idsOf(lines)).toEqual(['1', '2', '3', '4', '5', '6', '7', '8']);
  });

  it('are none that diverged and none on other features', async () => {
    const lines: Line[] = [
      { loss: 0.1, source: 1 },
      { loss: 0.2, status: 'diverged' as const, source: 1 },
      { loss: 0.3, source: 0 },
      { loss: 0.4, source: 1 },
    ];
    expect(await idsOf(lines)).toEqual(['1', '4']);
  });

  it('are the chosen one alone without validation rows, after an interruption, and where it is the only one', async () => {
    const lines = [{ loss: 0.1 }, { loss: 0.2, isLost: true }];
    const data = { ...DATA, rows: { ...ROWS, val: 0 } };
    expect(await idsOf(lines, { data })).toEqual(['1']);
    expect(await idsOf(lines, { signal: AbortSignal.abort() })).toEqual(['1']);
    expect(await idsOf(lines.slice(0, 1))).toEqual(['1']);
    expect(sweep).not.toHaveBeenCalled();
  });

  it('have the best of their seeds', async () => {
    const configurations = linearConfigurations([{}, {}], { seeds: 2 });
    const search = searchOf(configurations);
    for (const [index, loss] of [0.1, 0.1, 0.5, 0.3].entries()) {
      const { config } = configurations[Math.floor(index / 2)];
      const id = `${Math.floor(index / 2) + 1}-seed${index % 2}`;
      search.leaderboard.add(linearHead({ id, config }, { slope: index, loss }));
    }
    const [found] = contest([{ loss: 0.1 }]);
    const contenders = await contendersOf(found, search);
    expect(contenders.map(({ run }) => run.id)).toEqual(['1-seed0', '2-seed1']);
    expect([...contenders[1].validation.probabilities]).toEqual(probabilitiesOf(3, FEATURES.slice(4, 6)));
  });

  it('have the head that was found where the leaderboard has none', async () => {
    const [found] = contest([{ loss: 0.1 }]);
    const [only] = await contendersOf(found, searchOf([], { signal: AbortSignal.abort() }));
    expect(only.run).toBe(found.head.result);
  });
});

describe('the work of training again', () => {
  // A linear head has 4 parameters here, and 4 training rows: 16 multiplications an epoch.
  const whole = 5e10 / 16;

  it('ends the list with the first line that is too much', async () => {
    expect(await idsOf([{ loss: 0.1 }, { loss: 0.2, epochs: whole }])).toEqual(['1', '2']);
    expect(await idsOf([{ loss: 0.1 }, { loss: 0.2, epochs: whole + 1 }, { loss: 0.3 }])).toEqual(['1']);
  });

  it('is that of all lines together', async () => {
    const half = { epochs: whole / 2 };
    const lines = [{ loss: 0.1 }, { loss: 0.2, ...half }, { loss: 0.3, ...half }, { loss: 0.4, epochs: 1 }];
    expect(await idsOf(lines)).toEqual(['1', '2', '3']);
  });
});

describe('heads whose parameters are gone', () => {
  const slopes = (job: HeadJob) => Float32Array.of(Number(job.id) * 10, 0, 0, 0);

  it('are trained again, without validation up to their best epoch', async () => {
    retrain(slopes);
    const [found, search] = contest([
      { loss: 0.1 },
      { loss: 0.2, isLost: true, epochs: 9, bestEpoch: 6 },
      { loss: 0.3 },
      { loss: 0.4, isLost: true, epochs: 7, bestEpoch: 3 },
    ]);
    const contenders = await contendersOf(found, search);
    expect(trainings.map(({ job, rows }) => [job.id, job.lastEpoch, job.source, rows])).toEqual([
      ['2', 6, 0, { train: 4, val: 0, test: 1 }],
      ['4', 3, 0, { train: 4, val: 0, test: 1 }],
    ]);
    expect(trainings[0].job.config).toBe(search.configurations[1].config);
    const probabilities = contenders.map(({ id, validation }) => [id, [...validation.probabilities]]);
    expect(probabilities.slice(1)).toEqual([
      ['2', probabilitiesOf(20, FEATURES.slice(4, 6))],
      ['3', probabilitiesOf(3, FEATURES.slice(4, 6))],
      ['4', probabilitiesOf(40, FEATURES.slice(4, 6))],
    ]);
  });

  it.each<Partial<HeadRequest>>([{ schedule: 'plateau' }, { optimizer: 'lbfgs' }])(
    'are trained again with their validation rows where those matter: %j',
    async (request) => {
      retrain(slopes);
      const lines: Line[] = [{ loss: 0.1 }, { loss: 0.2, isLost: true, epochs: 9, bestEpoch: 6, request }];
      expect(await idsOf(lines)).toEqual(['1', '2']);
      expect(trainings.map(({ job, rows }) => [job.id, job.lastEpoch, rows])).toEqual([['2', 9, ROWS]]);
      expect(sweep).toHaveBeenCalledTimes(1);
    },
  );

  it('of both kinds are each trained in their way', async () => {
    retrain(slopes);
    const request = { schedule: 'plateau' } as const;
    const lines: Line[] = [{ loss: 0.1 }, { loss: 0.2, isLost: true }, { loss: 0.3, isLost: true, request }];
    expect(await idsOf(lines)).toEqual(['1', '2', '3']);
    expect(trainings.map(({ job, rows }) => [job.id, rows.val])).toEqual([
      ['3', 2],
      ['2', 0],
    ]);
  });

  it('are left out where training them again gives nothing', async () => {
    retrain(({ id }) =>
      id === '2' ? undefined : id === '3' ? new Float32Array(0) : slopes({ id } as HeadJob),
    );
    const lines = [0.1, 0.2, 0.3, 0.4].map((loss, index) => ({ loss, isLost: index > 0 }));
    expect(await idsOf(lines)).toEqual(['1', '4']);
  });

  it('are left out where the user interrupts', async () => {
    const controller = new AbortController();
    vi.mocked(sweep).mockImplementation(async () => controller.abort());
    const lines = [{ loss: 0.1 }, { loss: 0.2, isLost: true }, { loss: 0.3 }];
    expect(await idsOf(lines, { signal: controller.signal })).toEqual(['1', '3']);
  });

  it('end the run where a worker fails', async () => {
    vi.mocked(sweep).mockRejectedValue(new Error('worker failed'));
    await expect(idsOf([{ loss: 0.1 }, { loss: 0.2, isLost: true }])).rejects.toThrow('worker failed');
  });
});
