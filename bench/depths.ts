/**
 * What features of several layers do for accuracy: `npx tsx bench/depths.ts STORE... [--only NAME;NAME] [--first SEED]`
 * (npm run build first), STORE as extract leaves it by default. Prints the mean test accuracy (of several labels: mAP) of grids
 * over five splits of 70/15/15, then over ten draws of 20 images a class (three of them validate, all others are tested), each
 * beside its difference from the first grid that is printed, by default the one from before depths, with a 95 % interval over
 * splits, the test loss after calibration, and the seconds it trains. --first: the seed of the first split and draw (default 0).
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Grid, type TrainHeadsOptions, trainHeads } from '../src/index.ts';
import { readFeatures } from '../src/shared/dataset/features.ts';
import { encodeLabels } from '../src/shared/dataset/labels.ts';
import { random, shuffle } from '../src/shared/random.ts';
import { silent } from '../src/shared/reporter.ts';

const SPLITS = 5;
const DRAWS = 10;
const EACH = { train: 17, val: 3 };

const PENALTIES = [1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6];
const exact = (normalize: 'l2' | 'standardize' | 'softsign', pooling: string[]): Grid => [
  { normalize: [normalize], optimizer: ['lbfgs'], l2: PENALTIES, pooling: [pooling] },
];
const hidden = (pooling: string, units: number[][]): Grid => [
  { normalize: ['softsign'], hidden: units, dropout: [0.5], lr: [1e-3], pooling: [[pooling]] },
];
const smoothed = (grid: Grid): Grid => grid.map((block) => ({ ...block, labelSmoothing: [0.1] }));

/** `--grid` before there were depths: the baseline. */
const BEFORE: Grid = [
  { normalize: ['l2'], hidden: [[]], lr: [1e-2, 3e-2], l2: [0, 1e-5, 3e-5, 1e-4], pooling: [['last']] },
  {
    normalize: ['l2'],
    hidden: [[128], [512]],
    dropout: [0, 0.5],
    lr: [1e-3],
    l2: [0, 1e-4],
    pooling: [['last']],
  },
];

const GRIDS: ReadonlyMap<string, TrainHeadsOptions['grid']> = new Map<string, TrainHeadsOptions['grid']>([
  ['before', BEFORE],
  ['default', 'default'],
  ['last, l2', exact('l2', ['last'])],
  ['last, softsign', exact('softsign', ['last'])],
  ['depths, l2', exact('l2', ['depths'])],
  ['depths, standardize', exact('standardize', ['depths'])],
  ['depths, softsign', exact('softsign', ['depths'])],
  ['both, softsign, smoothed', smoothed([...exact('softsign', ['last']), ...exact('softsign', ['depths'])])],
  ['hidden on last', hidden('last', [[128], [512]])],
  ['hidden on last, smoothed', smoothed(hidden('last', [[128], [512]]))],
  ['both, softsign', [...exact('softsign', ['last']), ...exact('softsign', ['depths'])]],
  [
    'both and hidden on last',
    [...exact('softsign', ['last']), ...exact('softsign', ['depths']), ...hidden('last', [[128], [512]])],
  ],
  [
    'both and hidden on depths',
    [...exact('softsign', ['last']), ...exact('softsign', ['depths']), ...hidden('depths', [[128]])],
  ],
]);

const { positionals: stores, values } = parseArgs({
  allowPositionals: true,
  options: { only: { type: 'string' }, first: { type: 'string', default: '0' } },
});
const names = values.only?.split(';') ?? [...GRIDS.keys()];
const work = mkdtempSync(join(tmpdir(), 'permafrost-depths-'));

interface Score {
  value: number;
  loss: number;
  seconds: number;
}

async function scored(store: string, name: string, seed: number, labels?: string): Promise<Score> {
  const { best, seconds, task, tuned } = await trainHeads({
    source: { features: [store] },
    grid: GRIDS.get(name),
    head: { seed },
    ...(labels !== undefined && { labels: { file: labels } }),
  });
  const value = best.result.test?.[task === 'multilabel' ? 'mAP' : 'accuracy'];
  if (typeof value !== 'number') throw new Error(`${name} has no test score on ${store}`);
  return { value, seconds, loss: tuned.test?.loss ?? Number.NaN };
}

/** A manifest with a few images of each class to learn from; of several labels, as many of all together. */
async function drawn(store: string, seed: number): Promise<string> {
  const { paths, labels } = await readFeatures([{ features: [store], pooling: [] }], silent);
  const { task, classes } = encodeLabels(labels, 'auto');
  const counts = new Map<string, number>();
  const scale = task === 'multilabel' ? classes.length : 1;
  const order = shuffle(Int32Array.from(paths.keys()), random(seed, 'few images'));
  const lines = Array.from(order, (row) => {
    const key = task === 'multilabel' ? '' : labels[row][0];
    const count = counts.get(key) ?? 0;
    counts.set(key, count + 1);
    const split =
      count < EACH.train * scale ? 'train' : count < (EACH.train + EACH.val) * scale ? 'val' : 'test';
    return `${JSON.stringify(paths[row])},${JSON.stringify(labels[row].join('|'))},${split}\n`;
  });
  const file = join(work, `${seed}.csv`);
  writeFileSync(file, `path,labels,split\n${lines.join('')}`);
  return file;
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
}

/** Half the width of the 95 % interval of a mean. */
function margin(numbers: readonly number[]): number {
  const centre = mean(numbers);
  const variance = numbers.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (numbers.length - 1);
  return 1.96 * Math.sqrt(variance / numbers.length);
}

async function table(title: string, score: (name: string) => Promise<Score[]>): Promise<void> {
  console.log(`\n${title}`);
  let before: Score[] | undefined;
  for (const name of names) {
    const scores = await score(name);
    before ??= scores;
    const own = scores.map(({ value }) => value);
    const gains = own.map((value, index) => value - before![index].value);
    const shown = (value: number) => `${value < 0 ? '' : '+'}${value.toFixed(4)}`;
    console.log(
      `${name.padEnd(26)} ${mean(own).toFixed(4)} +- ${margin(own).toFixed(4)}  ` +
        `${shown(mean(gains))} +- ${margin(gains).toFixed(4)}  ` +
        `loss ${mean(scores.map(({ loss }) => loss)).toFixed(3)}  ${mean(scores.map(({ seconds }) => seconds)).toFixed(1)} s  ` +
        own.map((value) => value.toFixed(3)).join(' '),
    );
  }
}

const each = <T>(count: number, one: (seed: number) => Promise<T>): Promise<T[]> =>
  Array.from({ length: count }, (_, index) => Number(values.first) + index).reduce<Promise<T[]>>(
    async (done, seed) => [...(await done), await one(seed)],
    Promise.resolve([]),
  );

for (const store of stores) {
  await table(`${store}, ${SPLITS} splits`, (name) => each(SPLITS, (seed) => scored(store, name, seed)));
  const draws = await each(DRAWS, (seed) => drawn(store, seed));
  await table(`${store}, 20 images a class, ${DRAWS} draws`, (name) =>
    each(DRAWS, (seed) => scored(store, name, seed, draws[seed - Number(values.first)])),
  );
}
rmSync(work, { recursive: true });
