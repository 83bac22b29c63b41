/**
 * What fine-tuning does for accuracy (npm run build first):
 *
 *     npx tsx bench/fine-tune-accuracy.ts PHOTOS [--few N] [--seeds N] [--views SPEC] [--root DIR] [--flags "--from last-block"]
 *
 * For each seed `train-head --grid` on features of all depths and of the views, then `fine-tune` from its best head on the same
 * split, with FLAGS or none. With --few, N photos a class train, N others validate and the rest is tested; without, 70/15/15.
 * Prints test accuracy (of several labels: mAP) of the head and of what fine-tune keeps, and their differences with a 95 %
 * interval over seeds.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readFeatures } from '../src/shared/dataset/features.ts';
import { encodeLabels } from '../src/shared/dataset/labels.ts';
import { random, shuffle } from '../src/shared/random.ts';
import { silent } from '../src/shared/reporter.ts';

const PROGRAM = new URL('../dist/permafrost.js', import.meta.url).pathname;

const {
  positionals: [data],
  values,
} = parseArgs({
  allowPositionals: true,
  options: {
    few: { type: 'string' },
    seeds: { type: 'string', default: '5' },
    views: { type: 'string' },
    root: { type: 'string' },
    flags: { type: 'string', default: '' },
  },
});
const work = mkdtempSync(join(tmpdir(), 'permafrost-fine-tune-'));
const store = join(work, 'store');

interface Scores {
  start: number;
  kept: number;
  /** The first trained layer; undefined where the start was kept. */
  from: string | undefined;
  seconds: number;
}

function permafrost(...args: string[]): void {
  execFileSync(process.execPath, [PROGRAM, ...args], { stdio: 'ignore' });
}

/** Labels and a split of a few photos a class; of several labels, as many of all together. */
async function drawn(seed: number, each: number): Promise<string> {
  const { paths, labels, views } = await readFeatures([{ features: [store], pooling: [] }], silent);
  const { task, classes } = encodeLabels(labels, 'auto');
  const counts = new Map<string, number>();
  const share = task === 'multilabel' ? each * classes.length : each;
  const originals = Int32Array.from(paths.keys()).filter((row) => views[row] === 0);
  const lines = Array.from(shuffle(originals, random(seed, 'few photos')), (row) => {
    const key = task === 'multilabel' ? '' : labels[row][0];
    const count = counts.get(key) ?? 0;
    counts.set(key, count + 1);
    const split = count < share ? 'train' : count < 2 * share ? 'val' : 'test';
    return `${JSON.stringify(paths[row])},${JSON.stringify(labels[row].join('|'))},${split}\n`;
  });
  const file = join(work, `${seed}.csv`);
  writeFileSync(file, `path,labels,split\n${lines.join('')}`);
  return file;
}

async function scores(seed: number): Promise<Scores> {
  const run = join(work, `run-${seed}`);
  const tuned = join(work, `tuned-${seed}`);
  const labels = values.few === undefined ? [] : ['--labels', await drawn(seed, Number(values.few))];
  const common = ['--no-report', '--seed', `${seed}`];
  permafrost('train-head', '--features', store, '--grid', '--out', run, ...common, ...labels);
  const flags = values.flags.split(' ').filter((flag) => flag !== '');
  permafrost('fine-tune', '--head', join(run, 'best'), '--out', tuned, ...common, ...flags);
  const { task, start, best, from, seconds } = JSON.parse(readFileSync(join(tuned, 'metrics.json'), 'utf8'));
  const metric = task === 'multilabel' ? 'mAP' : 'accuracy';
  const isKept = best.id === 'start';
  return { start: start.test[metric], kept: best.test[metric], from: isKept ? undefined : from, seconds };
}

/** The mean, and half the width of its 95 % interval. */
function summary(numbers: readonly number[]): string {
  const mean = numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
  const variance = numbers.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (numbers.length - 1);
  return `${mean.toFixed(4)} +- ${(1.96 * Math.sqrt(variance / numbers.length)).toFixed(4)}`;
}

const root = values.root === undefined ? [] : ['--root', values.root];
const augment = values.views === undefined ? [] : ['--augment', values.views];
permafrost('extract', '--data', data, '--out', store, ...root, ...augment);
const all: Scores[] = [];
for (let seed = 0; seed < Number(values.seeds); seed++) {
  const one = await scores(seed);
  all.push(one);
  const outcome = one.from ? `fine-tuned from ${one.from}` : 'start kept';
  console.log(
    `seed ${seed}: ${one.start.toFixed(4)} -> ${one.kept.toFixed(4)} (${outcome}; ${one.seconds.toFixed(0)} s of training)`,
  );
}
console.log(`head        ${summary(all.map(({ start }) => start))}`);
console.log(`fine-tune   ${summary(all.map(({ kept }) => kept))}`);
console.log(`difference  ${summary(all.map(({ start, kept }) => kept - start))}`);
rmSync(work, { recursive: true });
