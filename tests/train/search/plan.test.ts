/** What is known of a sweep before it trains. */
import { expect, it } from 'vitest';
import type { SplitDataset } from '../../../src/shared/dataset/split-dataset.ts';
import { silent } from '../../../src/shared/reporter.ts';
import type { TrainOptions } from '../../../src/train/options/train-options.ts';
import { planSearch } from '../../../src/train/search/plan.ts';

const source = { features: ['photos'], pooling: ['avg'] };
const GRID = [{ lr: [0.1, 0.2, 0.3] }];
const OPTIONS: TrainOptions = {
  source,
  task: 'auto',
  split: [70, 15, 15],
  engine: 'onnxruntime',
  workers: 3,
  grid: [{ lr: [0.1, 0.2, 0.3] }],
  head: { epochs: 10 },
};

/** As far as a plan looks at it. */
function dataset({ views = 0, sets = 1 } = {}): SplitDataset {
  const set = { request: source, sources: [{ columns: ['avg'] }], inputs: 2 };
  return {
    task: 'multiclass',
    classes: ['a', 'b'],
    memory: { isStreamed: false },
    table: { sets: Array(sets).fill(set), hashes: new Uint8Array(32), views: new Int16Array(4), labels: [] },
    division: { images: { train: 12, val: 3, test: 1 }, views, splits: [], foldOf: new Int32Array(0) },
  } as unknown as SplitDataset;
}

async function planned(options: Partial<TrainOptions> = {}, data = dataset()) {
  const messages: string[] = [];
  const reporter = { ...silent, info: (message: string) => void messages.push(message) };
  const blocks = GRID.flatMap((block) => data.table.sets.map((_, at) => ({ source: at, block })));
  return { ...(await planSearch(data, blocks, { ...OPTIONS, ...options }, reporter)), messages };
}

it('a plan has every head, and says how many and on what', async () => {
  const plan = await planned({ seeds: 2 });
  expect(plan).toMatchObject({ heads: 6, epochs: 60, folds: 0, workers: 3, engineName: 'onnxruntime' });
  expect(plan.rungs).toBeUndefined();
  expect(plan.engine.name).toBe('onnxruntime');
  expect(plan.configurations.map(({ id, seeds }) => [id, seeds])).toEqual([
    ['1', [0, 1]],
    ['2', [0, 1]],
    ['3', [0, 1]],
  ]);
  expect(plan.messages).toEqual(['multiclass, 2 classes; 12 training, 3 validation, 1 test image; 6 heads']);
});

it('a plan names its sources where there are several', async () => {
  const [one] = (await planned()).configurations;
  expect('sourceName' in one).toBe(false);
  const { configurations } = await planned({}, dataset({ sets: 2 }));
  expect(configurations.map(({ source, sourceName }) => [source, sourceName])).toEqual(
    [0, 0, 0, 1, 1, 1].map((index) => [index, { features: 'photos', pooling: 'avg' }]),
  );
});

it('folds train every head as often', async () => {
  const plan = await planned({ folds: 4 }, dataset({ views: 24 }));
  expect(plan).toMatchObject({ heads: 12, epochs: 120, folds: 4 });
  expect(plan.messages).toEqual([
    'multiclass, 2 classes; 12 (and 24 views) images in 4 folds, 1 test image; 12 heads',
  ]);
});

it('halving has rungs and says so, and needs one validation split', async () => {
  const plan = await planned({ halving: 3 });
  expect(plan.rungs?.map(({ configurations }) => configurations)).toEqual([3, 1]);
  expect(plan.messages).toEqual([
    'multiclass, 2 classes; 12 training, 3 validation, 1 test image; 3 heads',
    'Halving: 3 heads to epoch 4, 1 to 10',
  ]);
  await expect(planned({ halving: 3, folds: 2 })).rejects.toThrow(
    'Expected one validation split for --halving but received "--folds 2"',
  );
});

it('a head that no memory holds is refused before anything is trained', async () => {
  await expect(planned({ head: { hidden: [2 ** 14, 2 ** 14] } })).rejects.toThrow(/at most \d+ weights/);
});
