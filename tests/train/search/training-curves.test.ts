/** What heads are trained on once more, so that it is seen how well they know their training images. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { TrainingData } from '../../../src/shared/dataset/data.ts';
import type { HeadRequest } from '../../../src/shared/head/options.ts';
import type { HeadResult } from '../../../src/shared/training/result.ts';
import type { Found, Search } from '../../../src/train/search/search.ts';
import { trainingCurves } from '../../../src/train/search/training-curves.ts';
import { sweep } from '../../../src/train/sweep/sweep.ts';
import {
  DATA,
  FEATURES,
  linearConfigurations,
  linearHead,
  pretendSweep,
  ROWS,
  searchOf,
  TARGETS,
} from '../../support/synthetic-search.ts';

vi.mock('../../../src/train/sweep/sweep.ts', () => ({ sweep: vi.fn() }));
beforeEach(() => {
  vi.mocked(sweep).mockReset();
});

async function curvesOf(
  requests: readonly Partial<HeadRequest>[],
  data: TrainingData = DATA,
  overrides: Partial<Search> = {},
) {
  const configurations = linearConfigurations(requests, { sources: requests.map(() => 1) });
  const heads = configurations.map(
    (configuration, at) => linearHead(configuration, { epochs: at + 5, bestEpoch: at + 2 }).result,
  );
  const { sweep: pretended, trainings } = pretendSweep((job) =>
    linearHead(job, { history: historyOf(job.id) }),
  );
  vi.mocked(sweep).mockImplementation(pretended);
  const found = {
    prepared: { data, statistics: undefined },
    source: 1,
    data: new Map([[1, data]]),
  } as Partial<Found> as Found;
  const curves = await trainingCurves(found, heads, searchOf(configurations, overrides));
  return { curves, trainings: trainings.map(({ job, ...rest }) => ({ ...rest, ...job })) };
}

const historyOf = (id: string): HeadResult['history'] =>
  [1, 2].map((epoch) => ({ epoch, lr: 1, trainLoss: 1, val: { loss: Number(id) / epoch } }));

/** The training rows, then the same rows in the place of the validation rows. */
const trained = (data: readonly number[]) => [...data.slice(0, 4), ...data.slice(0, 4)];

describe('curves of training images', () => {
  it('are those of a head that has some of them in the place of validation images', async () => {
    const weights = Float32Array.of(1, 2, 3, 4, 5, 6, 7);
    const { curves, trainings } = await curvesOf([{ earlyStopping: 3 }, {}], { ...DATA, weights });
    expect([...curves]).toEqual([
      ['1', [{ loss: 1 }, { loss: 0.5 }]],
      ['2', [{ loss: 2 }, { loss: 1 }]],
    ]);
    const targets = [...TARGETS.subarray(0, 8), ...TARGETS.subarray(0, 8)];
    for (const [at, training] of trainings.entries())
      expect(training).toMatchObject({
        id: String(at + 1),
        source: 1,
        lastEpoch: at + 5,
        config: { earlyStopping: 0, l2: (at + 1) / 1000 },
        rows: { train: 4, val: 4, test: 0 },
        targets,
        weights: trained([...weights]),
        features: { none: trained(FEATURES) },
      });
  });

  it('have weights only where the data do, and the normalisations of the heads', async () => {
    const l2 = Float32Array.from(FEATURES, (feature) => feature + 10);
    const { none } = DATA.features;
    const data = { ...DATA, features: { none, l2, standardize: l2 } };
    const { trainings } = await curvesOf([{ normalize: 'l2' }, { normalize: 'none' }], data);
    for (const { features, weights } of trainings) {
      expect(features).toEqual({ none: trained(FEATURES), l2: trained([...l2]) });
      expect(weights).toBeUndefined();
    }
  });

  it('look at 500 images at most, spread evenly, and copy all numbers of a row', async () => {
    const [train, inputs] = [1000, 2];
    const matrix = Float32Array.from({ length: (train + 2) * inputs }, (_, at) => at);
    const data: TrainingData = {
      ...DATA,
      inputs,
      rows: { train, val: 2, test: 0 },
      features: { none: matrix },
      targets: Uint8Array.from({ length: (train + 2) * 2 }, (_, at) => at % 4),
    };
    const { trainings } = await curvesOf([{}], data);
    expect(trainings[0].rows).toEqual({ train, val: 500, test: 0 });
    const { none } = trainings[0].features;
    expect(none).toHaveLength(1500 * 2);
    expect(none.slice(0, 2000)).toEqual([...matrix.subarray(0, 2000)]);
    // Every other row.
    expect(none.slice(2000, 2006)).toEqual([0, 1, 4, 5, 8, 9]);
    expect(none.slice(-2)).toEqual([1996, 1997]);
    expect(trainings[0].targets.slice(2000, 2004)).toEqual([0, 1, 0, 1]);
  });

  it.each<Partial<HeadRequest>>([{ schedule: 'plateau' }, { optimizer: 'lbfgs' }])(
    'are not of heads with %j, which would train otherwise or have no epochs',
    async (request) => {
      expect([...(await curvesOf([request, {}])).curves.keys()]).toEqual(['2']);
      vi.mocked(sweep).mockClear();
      expect((await curvesOf([request])).curves.size).toBe(0);
      expect(sweep).not.toHaveBeenCalled();
    },
  );

  it('are none without validation images, after an interruption, and of features in a file', async () => {
    const file = { path: '/nowhere', maxRows: 3, normalize: 'none' } as const;
    for (const [data, overrides] of [
      [{ ...DATA, rows: { ...ROWS, val: 0 } }, {}],
      [DATA, { signal: AbortSignal.abort() }],
      [{ ...DATA, features: { none: file } }, {}],
      [{ ...DATA, features: {} }, {}],
    ] as const)
      expect((await curvesOf([{}], data, overrides)).curves.size).toBe(0);
    expect(sweep).not.toHaveBeenCalled();
  });

  it('are none of more than twenty million numbers', async () => {
    // Only what would be copied must be there.
    const large = (train: number): TrainingData => ({
      ...DATA,
      rows: { train, val: 1, test: 0 },
      features: {},
    });
    const copied = vi.fn(() => undefined);
    const watched = (train: number) =>
      curvesOf([{}], { ...large(train), features: Object.defineProperty({}, 'none', { get: copied }) });
    await watched(2e7 + 1);
    expect(copied).not.toHaveBeenCalled();
    await watched(2e7);
    expect(copied).toHaveBeenCalled();
  });
});
