/** What the library refuses, before any work: what the command refuses, named as the field it is. */
import { describe, expect, it } from 'vitest';
import {
  exportHead,
  extract,
  InputError,
  openDataset,
  openFeatures,
  openPredictor,
  parseGrid,
  predict,
  readHead,
  trainHeads,
  UsageError,
} from '../src/index.ts';
import { checkConfig } from '../src/shared/head/config-check.ts';
import { HEAD_OPTION_KEYS, HEAD_OPTIONS } from '../src/shared/head/options.ts';
import { resolveConfig } from '../src/shared/head/resolve.ts';

const FUNCTIONS = {
  exportHead,
  extract,
  openDataset,
  openFeatures,
  openPredictor,
  parseGrid,
  predict,
  readHead,
  trainHeads,
};
const SOURCE = { features: ['no store'] };

/** What a call with options of any kind ends with. */
async function thrownBy(name: keyof typeof FUNCTIONS, options: unknown, context?: unknown): Promise<Error> {
  const called = FUNCTIONS[name] as (...given: unknown[]) => Promise<unknown>;
  const thrown: unknown = await called(options, context).catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(Error);
  return thrown as Error;
}

async function refused(name: keyof typeof FUNCTIONS, options: unknown, ...parts: string[]): Promise<void> {
  const thrown = await thrownBy(name, options);
  expect(thrown).toBeInstanceOf(UsageError);
  for (const part of parts) expect(thrown.message).toContain(part);
  expect(thrown.message).not.toMatch(/(^|\s)--[a-z]/);
}

const NUMBERS = [
  -1,
  -0.5,
  -1e-9,
  0,
  1e-9,
  0.5,
  0.999,
  1,
  1.5,
  2,
  12,
  13,
  65536,
  65537,
  100000,
  100001,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 53,
  Number.NaN,
  Number.POSITIVE_INFINITY,
];
const OTHERS = [null, '', 'x', '1', true, {}, [], [0], [1.5], ['dense'], new Date(0), 10n, () => 1];

describe.each(HEAD_OPTION_KEYS)('head.%s', (key) => {
  const { kind, recorded = kind, default: initial } = HEAD_OPTIONS[key];

  it('takes its default, and refuses whatever its flag would refuse', async () => {
    expect(kind.allows(initial)).toBe(true);
    for (const value of [...NUMBERS, ...OTHERS]) {
      const head = { [key]: value };
      if (kind.allows(value)) {
        const thrown = await thrownBy('trainHeads', { source: SOURCE, head });
        expect(thrown).toBeInstanceOf(InputError);
        expect(thrown.message).toContain('no store');
      } else await refused('trainHeads', { source: SOURCE, head }, `for head.${key}`, kind.what);
    }
  });

  it('takes the numbers that its flag takes', () => {
    if (kind.numbers === undefined) return;
    for (const value of NUMBERS) {
      const parse = () => kind.parse(String(value), key);
      if (kind.allows(value)) expect(parse()).toBe(value);
      else expect(parse).toThrow(UsageError);
    }
  });

  it('is refused in head.json where it is refused elsewhere', () => {
    const config = resolveConfig({}, 'multiclass');
    for (const value of [...NUMBERS, ...OTHERS]) {
      const read = () => checkConfig({ ...config, [key]: value }, (field) => field);
      if (recorded.allows(value)) expect(read()).toEqual({ ...config, [key]: value });
      else expect(read).toThrow(`for ${key} but received`);
    }
  });

  it('is refused in a grid where it is refused elsewhere', async () => {
    for (const value of [null, Number.NaN, {}, { from: 2, to: 1, scale: 'linear', numbers: 'real' }])
      await refused('trainHeads', { source: SOURCE, grid: [{ [key]: [value] }] }, `grid[0].${key}[0]`);
    await refused('trainHeads', { source: SOURCE, grid: [{ [key]: [] }] }, `grid[0].${key}`);
    await refused('trainHeads', { source: SOURCE, grid: [{ [key]: initial }] }, `grid[0].${key}`);
  });
});

describe('trainHeads refuses', () => {
  it.each<[unknown, ...string[]]>([
    [undefined, 'an object for the options'],
    [null, 'an object for the options'],
    [[], 'an object for the options'],
    [{}, 'Expected a value for source but received nothing'],
    [{ source: 'store' }, 'for source but received "store"'],
    [{ source: {} }, 'source.features'],
    [{ source: { features: 'store' } }, 'a list for source.features'],
    [{ source: { features: [] } }, 'source.features'],
    [{ source: { features: ['a', 'a'] } }, 'each store once for source.features'],
    [{ source: { features: ['a'], pooling: ['avg', 'avg'] } }, 'each column once for source.pooling'],
    [{ source: { features: [''] } }, 'source.features[0]'],
    [{ sourse: SOURCE }, 'but received "sourse" (did you mean source?)'],
    [{ source: SOURCE, head: { droput: 0.5 } }, 'an option of head', '"droput" (did you mean dropout?)'],
    [{ source: SOURCE, head: { lrr: 1 } }, '"lrr"', 'lr'],
    [{ source: SOURCE, head: [] }, 'an object for head'],
    [{ source: SOURCE, head: { optimizer: 'adamm' } }, 'head.optimizer', '(did you mean adam'],
    [{ source: SOURCE, head: { monitor: 'f1' } }, 'head.monitor', 'f1Macro'],
    [{ source: SOURCE, grid: [] }, 'a list that is not empty for grid'],
    [{ source: SOURCE, grid: {} }, 'a list for grid'],
    [
      { source: SOURCE, grid: [{ lr: [{ from: 0, to: 1, scale: 'log', numbers: 'real' }] }] },
      'grid[0].lr[0].from',
    ],
    [{ source: SOURCE, grid: [{ features: ['a'] }] }, 'grid[0].features[0]'],
    ...[0, 1, 1.5, -3, Number.NaN, '3', true].map((halving): [unknown, string] => [
      { source: SOURCE, halving },
      'a whole number of at least 2 for halving',
    ]),
    [{ source: SOURCE, folds: 1 }, 'a whole number of at least 2 for folds'],
    [{ source: SOURCE, random: 0 }, 'a whole number from 1 to 100000 for random'],
    [{ source: SOURCE, random: 100_001 }, 'for random'],
    [{ source: SOURCE, seeds: 0 }, 'for seeds'],
    [{ source: SOURCE, workers: 0 }, 'for workers'],
    [{ source: SOURCE, workers: 1.5 }, 'for workers'],
    [{ source: SOURCE, maxMemory: 0 }, 'for maxMemory'],
    [{ source: SOURCE, maxMemory: '4GB' }, 'for maxMemory'],
    [{ source: SOURCE, nearDuplicates: 13 }, 'a whole number from 0 to 12 for nearDuplicates'],
    [{ source: SOURCE, stableSplit: 'yes' }, 'true or false for stableSplit'],
    [{ source: SOURCE, task: 'regression' }, 'for task but received "regression"'],
    [{ source: SOURCE, engine: 'torch' }, 'for engine but received "torch"'],
    [{ source: SOURCE, split: [70, 15] }, 'for split but received [70,15]'],
    [{ source: SOURCE, split: [100, 0, 0] }, 'for split'],
    [{ source: SOURCE, split: '70/15/15' }, 'for split'],
    [{ source: SOURCE, split: ['70', '15', '15'] }, 'for split'],
    [{ source: SOURCE, labels: {} }, 'labels.file'],
    [
      { source: SOURCE, labels: { file: 'x.csv', manifest: { columns: { lable: 'x' } } } },
      'did you mean label?',
    ],
    [{ source: SOURCE, out: '' }, 'a path for out'],
    [{ source: SOURCE, report: 'no', out: 'x' }, 'true or false for report'],
    [{ source: SOURCE, report: true }, 'out with report'],
    [{ source: SOURCE, images: 'x' }, 'images'],
  ])('%j', (options, ...parts) => refused('trainHeads', options, ...parts));

  it('a signal or a reporter that is none', async () => {
    for (const [context, part] of [
      [{ signal: true }, 'an AbortSignal for signal'],
      [{ reporter: { info() {} } }, 'a function for reporter.warn'],
      [{ reporters: {} }, 'did you mean reporter?'],
    ] as const)
      expect((await thrownBy('trainHeads', { source: SOURCE }, context)).message).toContain(part);
  });

  it('what is no folder of images, in the words of the library', async () => {
    const { message } = await thrownBy('trainHeads', { source: SOURCE, out: 'x', images: 'nowhere' });
    expect(message).toBe('No such folder: nowhere (images)');
  });
});

describe('extract refuses', () => {
  const backbone = (given: object) => ({ data: 'nowhere', backbone: { name: 'resnet50', ...given } });
  it.each<[unknown, ...string[]]>([
    [{}, 'Expected a value for data but received nothing'],
    [{ data: '' }, 'a path for data'],
    [{ data: 5 }, 'a path for data'],
    [{ data: 'x', dataset: 'x' }, '"dataset"'],
    [{ data: 'x', targets: [] }, '"targets"'],
    [{ data: 'x', backbone: 'resnet51' }, 'Unknown backbone "resnet51" (did you mean resnet50'],
    [{ data: 'x', backbone: [] }, 'a list that is not empty for backbone'],
    [{ data: 'x', backbone: {} }, 'backbone.name'],
    [{ data: 'x', backbone: ['resnet50', 5] }, 'backbone[1]'],
    [{ data: 'x', backbone: 'none.onnx' }, 'none.onnx'],
    [backbone({ weight: 'none' }), '"weight" (did you mean weights?)'],
    [backbone({ size: { width: 0, height: 5 } }), 'backbone.size.width'],
    [backbone({ size: { width: 1e4, height: 1e4 } }), 'at most 8192x8192 pixels for backbone.size'],
    [backbone({ size: '64x64' }), 'backbone.size'],
    [backbone({ resize: { fit: 'squeeze' } }), 'backbone.resize.fit'],
    [backbone({ resize: { interpolation: 'cubic' } }), 'backbone.resize.interpolation'],
    [backbone({ poolings: [] }), 'backbone.poolings'],
    [backbone({ poolings: ['avg', 'avg'] }), 'each pooling once for backbone.poolings'],
    [backbone({ poolings: ['median'] }), 'backbone.poolings[0] but received "median"'],
    [backbone({ engine: 'torch' }), 'backbone.engine'],
    [backbone({ device: 'gpu' }), 'backbone.device'],
    [backbone({ preprocess: 'half' }), 'backbone.preprocess'],
    [{ data: 'x', batchSize: 0 }, 'a whole number of at least 1 for batchSize'],
    [{ data: 'x', batchSize: '16' }, 'for batchSize but received "16"'],
    [{ data: 'x', batchSize: Number.NaN }, 'for batchSize but received NaN'],
    [{ data: 'x', concurrency: 0 }, 'for concurrency'],
    [{ data: 'x', dtype: 'float64' }, 'for dtype'],
    [{ data: 'x', onError: 'stop' }, 'for onError'],
    [{ data: 'x', maxErrors: -1 }, 'for maxErrors'],
    [{ data: 'x', maxErrors: '101%' }, 'for maxErrors'],
    [{ data: 'x', rehash: 1 }, 'for rehash'],
    [{ data: 'x', augment: 'flip' }, 'for augment'],
    [{ data: 'x', augment: '0:flip' }, 'for augment'],
    [{ data: 'x', augment: '4:flip', seed: -1 }, 'for seed'],
    [{ data: 'x', seed: 1 }, 'seed needs augment'],
    [{ data: 'x', shard: { index: 3, of: 2 } }, 'for shard'],
    [{ data: 'x', shard: '1/2' }, 'for shard'],
    [{ data: 'x', out: 5 }, 'for out'],
  ])('%j', (options, ...parts) => refused('extract', options, ...parts));
});

describe.each<[keyof typeof FUNCTIONS, unknown, string]>([
  ['openPredictor', {}, 'for head'],
  ['openPredictor', { head: '' }, 'for head'],
  ['openPredictor', { head: {} }, 'for head'],
  ['openPredictor', { head: 'x', batchSize: 0 }, 'for batchSize'],
  ['openPredictor', { head: 'x', concurrency: 0 }, 'for concurrency'],
  ['openPredictor', { head: 'x', engine: 'torch' }, 'for engine'],
  ['openPredictor', { head: 'x', weights: 'imagenet' }, 'for weights'],
  ['openPredictor', { head: 'x', tta: true }, '"tta"'],
  ['predict', { head: 'x' }, 'for images'],
  ['predict', { head: 'x', images: [] }, 'for images'],
  ['predict', { head: 'x', images: 'a.jpg' }, 'for images'],
  ['predict', { head: 'x', images: ['a.jpg', ''] }, 'for images[1]'],
  ['predict', { head: 'x', images: [5] }, 'for images[0]'],
  ['exportHead', { head: 'x', out: 'y' }, 'for format'],
  ['exportHead', { head: 'x', out: 'y', format: 'pickle' }, 'for format'],
  ['exportHead', { head: 'x', out: '', format: 'onnx' }, 'for out'],
  ['exportHead', { head: 'x', out: 'y', format: 'keras', full: 1 }, 'for full'],
  ['openDataset', {}, 'for data'],
  ['openDataset', { data: 'x', follow: 'no' }, 'for follow'],
  ['openDataset', { data: 'x', columns: { lable: 'x' } }, 'did you mean label?'],
  ['openDataset', { data: 'x', labelLevel: 0 }, 'for labelLevel'],
  ['openDataset', { data: 'x', encoding: 'ebcdic' }, 'ebcdic'],
  ['openFeatures', undefined, 'for the folder'],
  ['readHead', '', 'for the folder'],
  ['parseGrid', undefined, 'for grid'],
  ['parseGrid', 'lr', 'for grid'],
])('%s(%j)', (name, options, part) => {
  it(`is refused with "${part}"`, () => refused(name, options, part));
});
