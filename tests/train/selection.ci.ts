/** What the chosen head owes to which images: training, validation, and never test. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { describe, expect, it } from 'vitest';
import { readHead } from '../../src/shared/head/record.ts';
import { evaluate } from '../../src/shared/metrics/evaluate.ts';
import { random, shuffle } from '../../src/shared/random.ts';
import { permafrost } from '../support/command.ts';
import { newFolder } from '../support/folders.ts';
import { clusters, labelled, type SyntheticImage, syntheticStore } from '../support/synthetic-store.ts';

interface MetricsFile {
  best: {
    id: string;
    config: object;
    val: object;
    test: Record<string, number>;
    calibration?: { temperature: number; eceBefore: number; eceAfter: number };
    thresholds?: Record<string, number>;
    topK?: Record<string, number>;
    tuned: { val: Record<string, number>; test: Record<string, number> };
  };
  rareLabels?: { name: string }[];
}

/** Trains a small grid into a new folder. */
async function trained(images: readonly SyntheticImage[], args: readonly string[] = []) {
  const out = join(newFolder(), 'run');
  const grid = ['--grid', 'lr=1e-1,1e-2;l2=0,1e-2', '--epochs', '8'];
  const store = await syntheticStore(images);
  const outcome = await permafrost([
    'train-head',
    '--features',
    store,
    ...grid,
    '--out',
    out,
    '--json',
    ...args,
  ]);
  expect(outcome.status, outcome.stderr).toBe(0);
  const metrics: MetricsFile = JSON.parse(readFileSync(join(out, 'metrics.json'), 'utf8'));
  const parameters = createHash('sha256').update(readFileSync(join(out, 'best', 'head.safetensors')));
  return { out, metrics, parameters: parameters.digest('hex'), stderr: outcome.stderr };
}

/** Every third image validates, every third tests. */
function withSplits(images: readonly SyntheticImage[]): SyntheticImage[] {
  const cycle = ['train', 'val', 'test', 'train'] as const;
  return images.map((image, index) => ({ ...image, split: cycle[Math.floor(index / 3) % 4] }));
}

/** The same images with the labels of one split dealt out anew. */
function shuffledLabels(images: readonly SyntheticImage[], which: SyntheticImage['split']): SyntheticImage[] {
  const labels = shuffle(
    images.filter(({ split }) => split === which).map((image) => image.labels),
    random(9, 'shuffle'),
  );
  let next = 0;
  return images.map((image) => (image.split === which ? { ...image, labels: labels[next++] } : image));
}

/** What was chosen and fitted. */
function choice({ metrics: { best }, parameters }: Awaited<ReturnType<typeof trained>>) {
  const { id, config, val, calibration, thresholds, tuned } = best;
  return { id, config, val, temperature: calibration?.temperature, thresholds, tuned: tuned.val, parameters };
}

describe.each([
  ['multiclass', withSplits(clusters(['a', 'b', 'c'], 40))],
  ['multi-label', withSplits(labelled(['a', 'b', 'c'], 120))],
] as const)('selection on %s data', (_, images) => {
  it('never looks at the test labels', async () => {
    const whole = await trained(images);
    const shuffled = await trained(shuffledLabels(images, 'test'));
    expect(shuffled.metrics.best.test).not.toEqual(whole.metrics.best.test);
    expect(choice(shuffled)).toEqual(choice(whole));
  });
});

describe('calibration', () => {
  it('is what head.json has and predictions.csv shows (multiclass)', async () => {
    const classes = ['a', 'b', 'c', 'd'];
    // Smoothed targets make a head that is right more often than it believes.
    const { out, metrics } = await trained(clusters(classes, 60), ['--label-smoothing', '0.5']);
    const { calibration, topK, tuned, test } = metrics.best;
    const { record } = await readHead(join(out, 'best'));
    expect(record.temperature).toBe(calibration?.temperature);
    expect(record.temperature).toBeLessThan(1);
    expect(record.thresholds).toBeUndefined();
    expect(Object.keys(topK ?? {})).toEqual(['2', '3']);
    expect(calibration).toMatchObject({ eceBefore: expect.any(Number), eceAfter: expect.any(Number) });
    expect(tuned.test.loss).toBeLessThan(test.loss);
    expect(tuned.test.accuracy).toBe(test.accuracy);
    const found = testMetrics(out, classes, 'multiclass');
    for (const name of ['loss', 'accuracy', 'auc']) expect(found[name]).toBeCloseTo(tuned.test[name], 5);
  });

  it('gives each label a threshold, and names rare labels (multi-label)', async () => {
    const classes = ['a', 'b', 'c'];
    const images = labelled(classes, 150).map((image, index) =>
      index % 30 === 0 ? { ...image, labels: [...image.labels, 'seldom'] } : image,
    );
    const { out, metrics, stderr } = await trained(images);
    const { thresholds = {}, calibration, tuned } = metrics.best;
    const { record } = await readHead(join(out, 'best'));
    expect(record.thresholds).toEqual(Object.values(thresholds));
    expect(record.temperature ?? calibration).toBeUndefined();
    expect(thresholds.seldom).toBe(0.5);
    expect(Object.values(thresholds).some((threshold) => threshold !== 0.5)).toBe(true);
    expect(metrics.rareLabels?.map(({ name }) => name)).toEqual(['seldom']);
    expect(stderr).toMatch(/Scores are unreliable for labels with few images: "seldom" \(\d+ training/);
    const found = testMetrics(out, [...classes, 'seldom'], 'multilabel', record.thresholds);
    for (const name of ['loss', 'f1Macro', 'subsetAccuracy'])
      expect(found[name]).toBeCloseTo(tuned.test[name], 5);
    for (const row of predictions(out)) {
      const above = Object.entries(thresholds).filter(
        ([name, threshold]) => Number(row[`p_${name}`]) > threshold,
      );
      expect(row.predicted).toBe(above.map(([name]) => name).join('|'));
    }
  });
});

function predictions(out: string): Record<string, string>[] {
  return parse(readFileSync(join(out, 'predictions.csv')), { columns: true });
}

/** The metrics of the test rows of predictions.csv. */
function testMetrics(
  out: string,
  classes: readonly string[],
  task: 'multiclass' | 'multilabel',
  thresholds?: readonly number[],
): Record<string, number> {
  const rows = predictions(out).filter(({ split }) => split === 'test');
  return evaluate({
    probabilities: Float32Array.from(rows.flatMap((row) => classes.map((name) => Number(row[`p_${name}`])))),
    targets: Uint8Array.from(
      rows.flatMap(({ labels }) => classes.map((name) => Number(labels.split('|').includes(name)))),
    ),
    rows: rows.length,
    classes: classes.length,
    task,
    ...(thresholds && { thresholds }),
  }) as Record<string, number>;
}
