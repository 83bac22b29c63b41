/**
 * How long a store of many rows with all depths takes to open, and the peak memory of `train-head` on it beside the features
 * that its heads take: on the last layer, with `--grid` on the last layer and on all depths, and the same with a quarter of that
 * memory allowed. `npx tsx bench/large-store.ts [ROWS]` (default 1000000; npm run build first). Linux only: the peak is read
 * from /proc.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { random } from '../src/shared/random.ts';
import { openStore } from '../src/shared/store/reader.ts';
import { createStoreWriter } from '../src/shared/store/writer.ts';
import { peakOf } from './peak-memory.ts';

const PROGRAM = new URL('../dist/permafrost.js', import.meta.url).pathname;
const rows = Number(process.argv[2] ?? 1_000_000);
const work = mkdtempSync(join(tmpdir(), 'permafrost-large-'));
const [data, out] = [join(work, 'data'), join(work, 'store')];

for (const label of 'ab') mkdirSync(join(data, label), { recursive: true });
const image = await sharp({ create: { width: 32, height: 32, channels: 3, background: 'teal' } })
  .jpeg()
  .toBuffer();
for (const index of [0, 1, 2, 3])
  writeFileSync(
    join(data, 'ab'[index % 2], `${index}.jpg`),
    Buffer.concat([image, Buffer.from(String(index))]),
  );
const flags = ['--backbone', 'mobilenet_0.5', '--weights', 'none', '--size', '32x32'];
execFileSync(process.execPath, [PROGRAM, 'extract', '--data', data, '--out', out, ...flags], {
  stdio: 'ignore',
});
const { columns, pipeline } = (await openStore(out)).manifest;
rmSync(out, { recursive: true });

const store = await createStoreWriter(out, { pipeline, columns, classes: ['a', 'b'], images: rows });
const stream = random(0, 'large store');
const features = columns.map(({ dimension }) =>
  Float32Array.from({ length: dimension }, () => stream.uniform()),
);
for (let row = 0; row < rows; row++) {
  const label = 'ab'[row % 2];
  features[0][row % features[0].length] = stream.uniform() + (row % 2) * 0.5;
  const sha256 = createHash('sha256').update(String(row)).digest('hex');
  const path = `${label}/${String(row).padStart(7, '0')}.jpg`;
  await store.append({ path, sha256, labels: [label], split: null, view: 0, group: null }, features);
}
await store.finish({ failed: 0 });

const started = performance.now();
await openStore(out);
const opened = performance.now() - started;
console.log(`${rows} rows: opened in ${opened.toFixed(0)} ms`);

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;
const widthOf = (own: readonly { dimension: number }[]) =>
  own.reduce((sum, { dimension }) => sum + dimension, 0);
const last = rows * widthOf(columns.filter(({ name }) => name === 'avg')) * Float32Array.BYTES_PER_ELEMENT;
const both = last + rows * widthOf(columns) * Float32Array.BYTES_PER_ELEMENT;
// One epoch of Adam: what lbfgs solves may take hundreds of steps on such features.
const grid = ['--grid', 'pooling=last,depths;normalize=softsign'];
const runs = [
  { name: 'last layer', flags: [], bytes: last },
  { name: 'last layer and depths', flags: grid, bytes: both },
  { name: 'the same, streamed', flags: [...grid, '--max-memory', `${Math.ceil(both / 4e6)}MB`], bytes: both },
];
for (const [index, { name, flags, bytes }] of runs.entries()) {
  const options = [
    '--epochs',
    '1',
    '--batch-size',
    '256',
    '--no-report',
    '--out',
    join(work, `run-${index}`),
  ];
  const { peak } = await peakOf(['train-head', '--features', out, ...options, ...flags]);
  console.log(
    `${name}: train-head ${megabytes(peak)} at most, ${(peak / bytes).toFixed(2)} times its features of ${megabytes(bytes)}`,
  );
}
rmSync(work, { recursive: true });
