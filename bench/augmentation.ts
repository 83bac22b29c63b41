/**
 * What views do for accuracy where photos are few: `npx tsx bench/augmentation.ts FOLDER [SEEDS] [TTA_SEEDS]` (npm run
 * build first). Trains on 20 photos a class of a folder of class folders, chooses on 20 others and tests on the rest,
 * for several draws of the 20, with 0, 4 and 8 views of each training photo, and with 4 also by --tta.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { openDataset } from '../src/extract/dataset/dataset.ts';
import { random, shuffle } from '../src/shared/random.ts';

const PROGRAM = new URL('../dist/permafrost.js', import.meta.url).pathname;
const EACH = 20;
const SPEC = 'flip,rotate=30,shift=0.2,shear=10,zoom=0.2,brightness=0.2';

const [data, seeds = '5', ttaSeeds = '2'] = process.argv.slice(2);
const work = mkdtempSync(join(tmpdir(), 'permafrost-augmentation-'));
const store = join(work, 'store');

function permafrost(...args: string[]): string {
  return execFileSync(process.execPath, [PROGRAM, ...args], { encoding: 'utf8', maxBuffer: 2 ** 28 });
}

interface Listed {
  path: string;
  label: string;
  split: string;
}

const { images } = await openDataset({ data });
const classes = [...new Set(images.map(({ labels }) => labels[0]))];
const draws = Array.from({ length: Number(seeds) }, (_, seed) => {
  const rows = classes.flatMap((label): Listed[] => {
    const own = images.filter(({ labels }) => labels[0] === label).map(({ path }) => path);
    shuffle(own, random(seed, 'few photos', label));
    const split = (i: number) => (i < EACH ? 'train' : i < 2 * EACH ? 'val' : 'test');
    return own.map((path, i) => ({ path, label, split: split(i) }));
  });
  const manifest = join(work, `${seed}.csv`);
  const lines = rows.map(({ path, label, split }) => `"${path}","${label}",${split}\n`);
  writeFileSync(manifest, `path,label,split\n${lines.join('')}`);
  return { seed, rows, manifest };
});

function trained(run: string, manifest: string, seed: number, flags: readonly string[]): number {
  permafrost(
    ...[
      'train-head',
      '--features',
      store,
      '--labels',
      manifest,
      '--seed',
      String(seed),
      '--out',
      run,
      '--no-report',
    ],
    ...flags,
  );
  return JSON.parse(readFileSync(join(run, 'metrics.json'), 'utf8')).best.test.accuracy;
}

function answered(run: string, rows: readonly Listed[]): number {
  const tested = rows.filter(({ split }) => split === 'test');
  const files = tested.map(({ path }) => join(data, path));
  const { predictions } = JSON.parse(permafrost('predict', '--head', join(run, 'best'), '--tta', ...files));
  const labelOf = new Map(tested.map(({ path, label }) => [join(data, path), label]));
  const right = predictions.filter(
    ({ path, labels }: { path: string; labels: string[] }) => labels[0] === labelOf.get(path),
  );
  return right.length / predictions.length;
}

function line(what: string, values: readonly number[]): void {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const spread = Math.sqrt(
    values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length - 1),
  );
  const each = values.map((value) => value.toFixed(3)).join(' ');
  console.log(`${what.padEnd(34)} ${mean.toFixed(4)}  (deviation ${spread.toFixed(4)}; ${each})`);
}

console.log(
  `${basename(data)}: ${EACH} training photos of each of ${classes.length} classes; mean test accuracy`,
);
const heads: [string, readonly string[]][] = [
  ['one linear head', []],
  ['default grid', ['--grid']],
];
// From most views to none: what is there already is not computed again.
for (const views of [8, 4, 0]) {
  const augment = views > 0 ? ['--augment', `${views}:${SPEC}`] : [];
  permafrost('extract', '--data', data, '--out', store, ...augment);
  for (const [name, flags] of heads) {
    const run = (seed: number) => join(work, `run-${views}-${seed}-${flags.length}`);
    line(
      `${name}, ${views} views`,
      draws.map(({ seed, manifest }) => trained(run(seed), manifest, seed, flags)),
    );
    if (views !== 4 || flags.length === 0) continue;
    const tested = draws.slice(0, Number(ttaSeeds));
    if (tested.length > 0)
      line(
        `${name}, ${views} views, --tta`,
        tested.map(({ seed, rows }) => answered(run(seed), rows)),
      );
  }
}
