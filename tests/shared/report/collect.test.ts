/** What the report is made from. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { collectReport } from '../../../src/shared/report/collect.ts';
import { trainHeads } from '../../../src/train/library.ts';
import { newFolder } from '../../support/folders.ts';
import { clusters, syntheticStore } from '../../support/synthetic-store.ts';

it('the report says which source each head had, where several compete', async () => {
  const images = clusters(['a', 'b'], 40);
  const [first, second] = [await syntheticStore(images), await syntheticStore(images)];
  const training = await trainHeads({
    grid: [{ features: [[first], [second]], optimizer: ['lbfgs'], l2: [0.1] }],
    source: { features: [] },
    out: join(newFolder(), 'run'),
    report: false,
  });
  const report = await collectReport(training, { name: 'run', version: '1.0.0', photos: undefined });
  expect(report.varied).toEqual(['features']);
  expect(report.leaderboard.map(({ options }) => options.features).sort()).toEqual([first, second].sort());
  expect(report.best.options.features).toBe(report.leaderboard[0].options.features);
});
