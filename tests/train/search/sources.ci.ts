/** Sweeps over features, with the built command. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { describe, expect, it } from 'vitest';
import { readHead } from '../../../src/shared/head/record.ts';
import { parseGrid } from '../../../src/train/search/grid.ts';
import { splitBySource } from '../../../src/train/search/sources.ts';
import { permafrost, STACK_TRACE } from '../../support/command.ts';
import { newFolder } from '../../support/folders.ts';
import { storeOf } from '../../support/store-rows.ts';
import { clusters, type SyntheticImage, syntheticStore } from '../../support/synthetic-store.ts';

describe('splitBySource', () => {
  const fallback = { features: ['x'], pooling: [] };

  it('has every block once for each source it names', async () => {
    const grid = await parseGrid('features=a,b+c;pooling=avg,max;lr=1,2');
    const { sources, blocks } = splitBySource(
      [...grid, { lr: [3] }, { features: [['./a/']], pooling: [['avg']] }],
      {
        ...fallback,
      },
    );
    expect(sources).toEqual([
      { features: ['a'], pooling: ['avg'] },
      { features: ['a'], pooling: ['max'] },
      { features: ['b', 'c'], pooling: ['avg'] },
      { features: ['b', 'c'], pooling: ['max'] },
      { features: ['x'], pooling: [] },
    ]);
    expect(blocks.map(({ source, block }) => [source, block.lr])).toEqual([
      ...[0, 1, 2, 3].map((source) => [source, [1, 2]]),
      [4, [3]],
      [0, undefined],
    ]);
  });

  it('needs a store', () => {
    expect(() => splitBySource([{ lr: [1] }], { features: [], pooling: [] })).toThrow(
      'Missing --features: a feature store that permafrost extract wrote',
    );
  });
});

/** The same images with features that say nothing. */
function blurred(images: readonly SyntheticImage[]): SyntheticImage[] {
  return images.map((image, index) => ({
    ...image,
    features: image.features.map((_, i) => ((index * 7 + i) % 5) / 5),
  }));
}

async function stores(): Promise<{ poor: string; rich: string }> {
  const images = clusters(['a', 'b', 'c'], 30);
  const rich = await syntheticStore(images, { backbone: 'vgg16' });
  // In another order: rows are joined by image.
  return { rich, poor: await syntheticStore(blurred(images).reverse()) };
}

async function trained(args: readonly string[]) {
  const out = join(newFolder(), 'run');
  const outcome = await permafrost(['train-head', '--epochs', '20', '--out', out, '--json', ...args]);
  expect(outcome.status, outcome.stderr).toBe(0);
  const lines: Record<string, string>[] = parse(readFileSync(join(out, 'leaderboard.csv')), {
    columns: true,
  });
  const { record } = await readHead(join(out, 'best'));
  return { ...outcome, lines, record };
}

describe('a sweep over features', () => {
  it('lets backbones compete on one leaderboard, on one split, and keeps the pipeline of the best', async () => {
    const { poor, rich } = await stores();
    const rates = 'lr=1e-1,5e-2';
    const { lines, record, stdout, summary } = await trained(['--grid', `features=${rich},${poor};${rates}`]);
    expect(lines.map(({ features, pooling }) => [features, pooling])).toEqual([
      ...Array(2).fill([rich, 'avg']),
      ...Array(2).fill([poor, 'avg']),
    ]);
    expect(record.sources).toMatchObject([{ pipeline: { backbone: 'vgg16' }, columns: ['avg'] }]);
    expect(summary.best).toMatchObject({ source: { features: rich, pooling: 'avg' } });
    expect(stdout).toContain('features');
    // A head is the same among those of other stores as it is among its own.
    const alone = await trained(['--features', rich, '--grid', rates]);
    expect(alone.lines[0]).not.toHaveProperty('features');
    expect(alone.lines.map(({ val_loss }) => val_loss)).toEqual(
      lines.slice(0, 2).map(({ val_loss }) => val_loss),
    );
  });

  it('lets poolings and fused stores compete, drawn at random or in folds', async () => {
    const { poor, rich } = await stores();
    const drawn = await trained([
      '--grid',
      `features=${poor},${poor}+${rich};lr=log(1e-2..1e-1)`,
      '--random',
      '6',
    ]);
    expect(drawn.lines).toHaveLength(6);
    expect(new Set(drawn.lines.map(({ features }) => features)).size).toBe(2);
    expect(drawn.record.sources).toHaveLength(2);
    const folded = await trained([
      '--features',
      rich,
      '--grid',
      `features=${poor},${rich};lr=1e-1`,
      '--folds',
      '3',
    ]);
    expect(folded.lines.map(({ features, runs }) => [features, runs])).toEqual([
      [rich, '3'],
      [poor, '3'],
    ]);
    expect(folded.record.sources).toMatchObject([{ pipeline: { backbone: 'vgg16' } }]);
  });

  it('says what is missing', async () => {
    const stored = await storeOf(1);
    for (const [args, message, status] of [
      [['--grid', 'lr=1'], 'Missing --features: a feature store that permafrost extract wrote', 2],
      [['--grid', 'featurs=a'], '(did you mean features?)', 2],
      [
        ['--grid', `features=${stored};pooling=avg,gem`],
        'Expected one of avg, max, last, depths for --pooling',
        2,
      ],
      [['--grid', 'features=/nowhere'], 'No feature store at /nowhere: run permafrost extract first', 1],
    ] as const) {
      const outcome = await permafrost(['train-head', ...args]);
      expect(outcome.stderr).toContain(message);
      expect(outcome.status).toBe(status);
      expect(outcome.stderr).not.toMatch(STACK_TRACE);
    }
  });
});
