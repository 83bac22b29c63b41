/** `permafrost fine-tune` as it is installed, from a head on frozen features to one with a tail. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { describe, expect, it } from 'vitest';
import { predict, readHead } from '../../src/index.ts';
import { permafrost } from '../support/command.ts';
import { trainedRun } from '../support/trained-run.ts';

function csv(path: string): Record<string, string>[] {
  return parse(readFileSync(path), { columns: true });
}

describe('fine-tune', () => {
  it('leaves the run of a head with a tail that predict takes like any other', async () => {
    const { photos, store, head } = await trainedRun();
    const out = join(dirname(dirname(head)), 'tuned');
    const args = ['--from', 'last-block', '--epochs', '6', '--lr', '3e-3', '--out', out];
    const { status, stderr, stdout, summary } = await permafrost([
      'fine-tune',
      '--head',
      head,
      ...args,
      '--json',
    ]);
    expect(status, stderr).toBe(0);
    const metrics = expect.objectContaining({ loss: expect.any(Number), accuracy: expect.any(Number) });
    expect(summary).toMatchObject({
      out,
      heads: 1,
      backbone: 'efficientnet_lite0',
      from: 'block7a_expand_conv',
      // Of EfficientNet-lite0 as Keras counts it, without its classifier, and the head's.
      trainedParameters: 1012354,
      frozenParameters: 2403232,
      cacheBytes: expect.any(Number),
      images: 60,
      best: { id: expect.any(String), val: metrics, test: metrics },
      start: { val: metrics, test: metrics },
    });
    expect(stdout).toContain('start, test');
    expect(readdirSync(out).sort()).toEqual([
      ...['best', 'history.arrow', 'leaderboard.csv', 'metrics.json', 'predictions.csv', 'report.html'],
    ]);

    // The start has the numbers of its own run.
    const run = dirname(head);
    const own = JSON.parse(readFileSync(join(run, 'metrics.json'), 'utf8'));
    const { start } = summary as { start: Record<'val' | 'test', object> };
    for (const split of ['val', 'test'] as const)
      for (const [name, value] of Object.entries(start[split]))
        expect(value, `${split} ${name}`).toBeCloseTo(own.best[split][name], 6);
    const rows = csv(join(out, 'leaderboard.csv'));
    expect(rows.map(({ id, from, lrTail }) => [id, from, lrTail]).sort()).toEqual([
      ['1', 'block7a_expand_conv', '1'],
      ['start', '', ''],
    ]);
    const splits = (file: string) =>
      csv(file)
        .map(({ path, split }) => `${path} ${split}`)
        .sort();
    expect(splits(join(out, 'predictions.csv'))).toEqual(splits(join(run, 'predictions.csv')));

    const best = await readHead(join(out, 'best'));
    expect(best.record.stores).toEqual([store]);
    expect(best.record.config.tail).toMatchObject({ from: 'block7a_expand_conv', batchNorm: 'frozen' });
    const listed = csv(join(out, 'predictions.csv')).slice(0, 3);
    const images = listed.map(({ path }) => join(photos, path));
    const predictions = await predict({ head: join(out, 'best'), images });
    for (const [index, { probabilities }] of predictions.entries())
      expect(probabilities[0]).toBeCloseTo(Number(listed[index].p_a), 3);
  });
});
