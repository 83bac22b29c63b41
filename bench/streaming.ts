/**
 * What reading features in blocks costs: the same heads with all rows in memory and in blocks from a file.
 *
 *     npm run build && npx tsx bench/streaming.ts
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { featuresOf, type TrainingData } from '../src/shared/dataset/data.ts';
import { readRows } from '../src/shared/dataset/rows.ts';
import { resolveConfig } from '../src/shared/head/resolve.ts';
import { headSteps, madeUpData } from './heads.ts';
import { type Measurement, report } from './report.ts';

const ROWS = 14_000;
const INPUTS = 2048;
const CLASSES = 7;

const WORK = {
  '32 linear heads, batch 256, 5 epochs': Array.from({ length: 32 }, (_, index) => ({
    lr: 1e-3 * 1.1 ** index,
    batchSize: 256,
    epochs: 5,
  })),
  '4 heads 2048-64-7, batch 32, 3 epochs': Array.from({ length: 4 }, (_, index) => ({
    lr: 1e-3 * 1.2 ** index,
    hidden: [64],
    epochs: 3,
  })),
};

const folder = await mkdtemp(join(tmpdir(), 'permafrost-bench-'));
try {
  const data = madeUpData(ROWS, INPUTS, CLASSES);
  const path = join(folder, 'features.f32');
  await writeFile(path, readRows(featuresOf(data, 'none'), INPUTS, 0, ROWS).values);
  const inBlocks = (maxRows: number): TrainingData => ({
    ...data,
    features: { none: { path, maxRows, normalize: 'none' } },
  });
  for (const [what, heads] of Object.entries(WORK)) {
    const configs = heads.map((head) => resolveConfig({ ...head, earlyStopping: 0 }, 'multiclass'));
    const measurements: Measurement[] = [];
    for (const [name, rows] of [
      ['in memory', data],
      ['blocks of 4096 rows', inBlocks(4096)],
      ['blocks of 1024 rows', inBlocks(1024)],
      ['blocks of 256 rows', inBlocks(256)],
    ] as const) {
      const { seconds, accuracy } = await headSteps(rows, configs);
      measurements.push({ what: `${name}: seconds`, value: seconds, unit: 's' });
      measurements.push({ what: `${name}: best validation accuracy`, value: accuracy, unit: '' });
    }
    report(what, measurements);
  }
} finally {
  await rm(folder, { recursive: true });
}
