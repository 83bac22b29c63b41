/** `train-head` as it is installed: the built command, run in a process of its own. */
import { existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tableFromIPC } from 'apache-arrow';
import { parse } from 'csv-parse/sync';
import { describe, expect, it } from 'vitest';
import { readHead } from '../../src/shared/head/record.ts';
import { permafrost, STACK_TRACE } from '../support/command.ts';
import { newFolder } from '../support/folders.ts';
import { clusters, labelled, type SyntheticImage, syntheticStore } from '../support/synthetic-store.ts';

const ABC = ['a', 'b', 'c'];

function trainHead(store: string, args: string[], options: Parameters<typeof permafrost>[1] = {}) {
  return permafrost(['train-head', '--features', store, ...args], options);
}

function csv(path: string): Record<string, string>[] {
  return parse(readFileSync(path), { columns: true });
}

/** A store and a folder to train into. */
async function prepared(images: readonly SyntheticImage[]): Promise<{ store: string; out: string }> {
  return { store: await syntheticStore(images), out: join(newFolder(), 'run') };
}

describe('train-head', () => {
  it('prints a summary and leaves the files of a run', async () => {
    const { store, out } = await prepared(clusters(ABC, 30));
    const { status, stderr, stdout, summary } = await trainHead(store, [
      '--grid',
      'lr=1e-2,1e-3;hidden=none,8',
      '--epochs',
      '6',
      '--normalize',
      'standardize',
      '--out',
      out,
      '--json',
    ]);
    expect(status, stderr).toBe(0);
    expect(summary).toEqual({
      out,
      heads: 4,
      diverged: 0,
      seconds: expect.any(Number),
      totalSeconds: expect.any(Number),
      task: 'multiclass',
      classes: ABC,
      baseline: expect.objectContaining({ accuracy: expect.closeTo(1 / 3, 1), auc: 0.5 }),
      best: {
        id: expect.stringMatching(/^[1-4]$/),
        config: expect.objectContaining({ normalize: 'standardize', epochs: 6, seed: 0 }),
        val: expect.objectContaining({ loss: expect.any(Number), mAP: expect.any(Number) }),
        test: expect.objectContaining({ accuracy: expect.any(Number), f1Macro: expect.any(Number) }),
      },
    });
    const { best, baseline } = summary as {
      best: { id: string; test: { mAP: number } };
      baseline: { mAP: number };
    };
    expect(best.test.mAP).toBeGreaterThan(baseline.mAP + 0.2);
    for (const shown of ['majority baseline', 'precision', 'true \\ predicted', join(out, 'best')])
      expect(stdout).toContain(shown);

    expect(readdirSync(out).sort()).toEqual([
      'best',
      'history.arrow',
      'leaderboard.csv',
      'metrics.json',
      'predictions.csv',
      'report.html',
    ]);
    const leaderboard = csv(join(out, 'leaderboard.csv'));
    expect(leaderboard.map(({ rank }) => rank)).toEqual(['1', '2', '3', '4']);
    expect(leaderboard.map(({ id }) => id).sort()).toEqual(['1', '2', '3', '4']);
    expect(leaderboard[0]).toMatchObject({ id: best.id, status: 'done' });
    const losses = leaderboard.map(({ val_loss }) => Number(val_loss));
    expect(losses).toEqual([...losses].sort((a, b) => a - b));

    const history = tableFromIPC(readFileSync(join(out, 'history.arrow')));
    expect(history.numRows).toBe(leaderboard.reduce((sum, { epochs_run }) => sum + Number(epochs_run), 0));
    expect(history.schema.fields.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['head', 'epoch', 'lr', 'trainLoss', 'valLoss', 'valAccuracy']),
    );

    const predictions = csv(join(out, 'predictions.csv'));
    expect(new Set(predictions.map(({ path }) => path)).size).toBe(90);
    for (const { predicted, p_a, p_b, p_c } of predictions) {
      const p = [p_a, p_b, p_c].map(Number);
      expect(p[0] + p[1] + p[2]).toBeCloseTo(1, 4);
      expect(predicted).toBe(ABC[p.indexOf(Math.max(...p))]);
    }
    const metrics = JSON.parse(readFileSync(join(out, 'metrics.json'), 'utf8'));
    expect(metrics).toMatchObject({ best: { id: best.id }, part: 'test', rows: { all: 90 } });
    const { record, tensors } = await readHead(join(out, 'best'));
    expect(record).toMatchObject({ task: 'multiclass', classes: ABC, metrics: { test: best.test } });
    expect(record.sources).toMatchObject([{ columns: ['avg'], dimension: 6 }]);
    expect(tensors.get('normalize/mean')?.shape).toEqual([6]);
  });

  it('finds the same numbers with one worker and with two', async () => {
    const { store, out } = await prepared(clusters(ABC, 20));
    const leaderboard = async (name: string, ...args: string[]) => {
      const { status, stderr } = await trainHead(store, [
        '--grid',
        'lr=1e-2,1e-3;hidden=none,8;dropout=0,0.5',
        '--epochs',
        '4',
        '--out',
        out + name,
        ...args,
      ]);
      expect(status, stderr).toBe(0);
      return csv(join(out + name, 'leaderboard.csv')).map(({ seconds, ...row }) => row);
    };
    const one = await leaderboard('-one', '--workers', '1');
    expect(await leaderboard('-two', '--workers', '2')).toEqual(one);
    expect(readFileSync(join(`${out}-two`, 'predictions.csv'))).toEqual(
      readFileSync(join(`${out}-one`, 'predictions.csv')),
    );
    const values = (rows: Record<string, string>[]) => rows.map(({ val_loss }) => val_loss);
    expect(values(await leaderboard('-other', '--seed', '1'))).not.toEqual(values(one));
  });

  it('trains on images with several labels or none', async () => {
    const { store, out } = await prepared(labelled(['rust', 'mildew'], 80));
    const { summary, stderr } = await trainHead(store, ['--lr', '0.1', '--out', out, '--json']);
    expect(summary, stderr).toMatchObject({
      task: 'multilabel',
      classes: ['mildew', 'rust'],
      heads: 1,
      best: {
        config: { output: 'sigmoid', loss: 'binary_crossentropy' },
        test: { subsetAccuracy: expect.any(Number), binaryAccuracy: expect.any(Number) },
      },
    });
    const { best } = summary as { best: { test: { mAP: number } } };
    expect(best.test.mAP).toBeGreaterThan(0.8);
    const predicted = csv(join(out, 'predictions.csv')).map(({ predicted }) => predicted);
    expect(new Set(predicted)).toEqual(new Set(['', 'mildew', 'rust', 'mildew|rust']));
  });

  it("keeps the data's own split", async () => {
    const images = clusters(ABC, 20).map(
      (image, i): SyntheticImage => ({
        ...image,
        split: i < 36 ? 'train' : i < 48 ? 'val' : 'test',
      }),
    );
    const { store, out } = await prepared(images);
    const { status, stderr } = await trainHead(store, ['--epochs', '2', '--out', out]);
    expect(status, stderr).toBe(0);
    expect(stderr).toContain('36 training, 12 validation, 12 test images');
    const splits = new Map(csv(join(out, 'predictions.csv')).map(({ path, split }) => [path, split]));
    for (const { name, split } of images) expect(splits.get(`${name}.jpg`)).toBe(split);
  });

  it('fuses the features of several stores by image', async () => {
    const images = clusters(ABC, 20);
    const { store, out } = await prepared(images);
    // Another backbone's store: other numbers, another order, and one image less.
    const others = clusters(ABC, 20, { inputs: 4, seed: 1 }).slice(1).reverse();
    const other = await syntheticStore(others, { backbone: 'vgg16' });
    const { status, stderr } = await trainHead(store, ['--features', other, '--epochs', '2', '--out', out]);
    expect(status, stderr).toBe(0);
    expect(stderr).toContain(`1 of 60 images is not in ${other} and is left out`);
    const { record } = await readHead(join(out, 'best'));
    expect(record.sources.map(({ pipeline, dimension }) => [pipeline.backbone, dimension])).toEqual([
      ['resnet50', 6],
      ['vgg16', 4],
    ]);
    expect(csv(join(out, 'predictions.csv'))).toHaveLength(59);
  });

  it('numbers its runs instead of overwriting them', async () => {
    const store = await syntheticStore(clusters(ABC, 10));
    const cwd = newFolder();
    const outs: unknown[] = [];
    for (let run = 0; run < 2; run++)
      outs.push((await trainHead(store, ['--epochs', '1', '--json'], { cwd })).summary.out);
    expect(outs).toEqual(['runs/data-resnet50', 'runs/data-resnet50-2']);
    for (const out of outs) expect(existsSync(join(cwd, String(out), 'best/head.json'))).toBe(true);
  });

  it('keeps the heads it has when it is interrupted', async () => {
    const { store, out } = await prepared(clusters(ABC, 30));
    const grid = ['--grid', 'epochs=1,1000000;hidden=none,8', '--early-stopping', '0', '--out', out];
    const { status, stderr } = await trainHead(store, grid, {
      onStderr(text, child) {
        // The first progress line comes after five seconds: the heads of one epoch are done by then.
        if (/training: \d/.test(text) && !child.killed) child.kill('SIGINT');
      },
    });
    expect(stderr).toContain(`Interrupted: the heads trained so far are in ${out}`);
    expect(status).toBe(130);
    const heads = csv(join(out, 'leaderboard.csv')).map(({ epochs, status }) => `${epochs} ${status}`);
    expect(heads).toContain('1 done');
    expect(heads).toContain('1000000 stopped');
    expect((await readHead(join(out, 'best'))).record.classes).toEqual(ABC);
  });

  it('reports a head that diverges, and goes on', async () => {
    const { store, out } = await prepared(clusters(ABC, 20));
    const { status, summary, stdout, stderr } = await trainHead(store, [
      '--grid',
      'lr=1e-3,1e30',
      '--optimizer',
      'sgd',
      '--hidden',
      '8',
      '--epochs',
      '3',
      '--out',
      out,
      '--json',
    ]);
    expect(status, stderr).toBe(0);
    expect(summary).toMatchObject({ heads: 2, diverged: 1, best: { config: { lr: 1e-3 } } });
    expect(stdout).toContain('1 diverged');
    expect(csv(join(out, 'leaderboard.csv')).map(({ lr, status }) => [lr, status])).toEqual([
      ['0.001', 'done'],
      ['1e+30', 'diverged'],
    ]);

    const wild = await trainHead(store, [
      '--grid',
      'lr=1e29,1e30',
      '--optimizer',
      'sgd',
      '--hidden',
      '8',
      '--epochs',
      '3',
      '--out',
      `${out}-wild`,
    ]);
    expect(wild.stderr).toContain('None of the 2 heads could be trained: all diverged; try a smaller --lr');
    expect(wild.stderr).not.toMatch(STACK_TRACE);
    expect(wild.status).toBe(1);
    expect(existsSync(`${out}-wild`)).toBe(false);
  });

  it('trains although a class has one image, and says what cannot be measured', async () => {
    const images = clusters(ABC, 20);
    const { store, out } = await prepared([...images, { ...images[0], name: 'odd', labels: ['rare'] }]);
    const { status, stderr, summary } = await trainHead(store, ['--epochs', '2', '--out', out, '--json']);
    expect(status, stderr).toBe(0);
    expect(stderr).toMatch(/warning: No validation image of "rare"/);
    expect(stderr).toMatch(/warning: No test image of "rare"/);
    expect(stderr).toMatch(
      /\n\d warnings:\n {2}(?:.*\n {2})*No validation image of "rare".*\n(?: {2}.*\n)*$/,
    );
    expect(summary.classes).toEqual(['a', 'b', 'c', 'rare']);
  });
});

describe('train-head refuses', () => {
  async function refused(store: string, args: string[] = []): Promise<string> {
    const { status, stdout, stderr } = await trainHead(store, [...args, '--out', join(newFolder(), 'run')]);
    expect(stderr).not.toMatch(STACK_TRACE);
    expect(stdout).toBe('');
    expect(status).toBe(1);
    return stderr;
  }

  it('what is not a feature store', async () => {
    const folder = newFolder();
    expect(await refused(folder)).toContain(`No feature store at ${folder}: run permafrost extract first`);
  });

  it('a store that is truncated, altered or lacks a part', async () => {
    const store = await syntheticStore(clusters(ABC, 10));
    const part = join(store, 'part-00000.arrow');
    const whole = readFileSync(part);
    writeFileSync(part, Buffer.from(whole).fill(0xff, whole.length - 900, whole.length - 890));
    expect(await refused(store)).toMatch(
      /Damaged feature store: .*part-00000\.arrow has SHA-256 .*run extract/,
    );
    truncateSync(part, 700);
    expect(await refused(store)).toContain(
      `Damaged feature store: ${part} has 700 bytes, expected ${whole.length}; run extract again`,
    );
    const manifest = join(store, 'manifest.json');
    const json = readFileSync(manifest, 'utf8');
    rmSync(part);
    expect(await refused(store)).toMatch(/Damaged feature store: .*part-00000\.arrow cannot be read/);
    writeFileSync(manifest, json.replace('part-00000', 'part-00009'));
    expect(await refused(store)).toContain(manifest);
    writeFileSync(manifest, json.slice(0, 300));
    expect(await refused(store)).toMatch(/Expected JSON in .*manifest\.json but it is damaged/);
  });

  it('features that are not finite', async () => {
    const images = clusters(ABC, 10);
    images[7].features[2] = Number.NaN;
    expect(await refused(await syntheticStore(images))).toContain(
      'Expected finite features but avg of image-7.jpg in part-00000.arrow has NaN or infinity',
    );
  });

  it('labels of one class', async () => {
    expect(await refused(await syntheticStore(clusters(['a'], 20)))).toContain(
      'Expected at least two classes for the labels but received "a"',
    );
  });

  it('stores without a common image', async () => {
    const store = await syntheticStore(clusters(ABC, 10));
    const images = clusters(ABC, 10).map((image) => ({ ...image, name: `other-${image.name}` }));
    const other = await syntheticStore(images);
    expect(await refused(store, ['--features', other])).toContain(
      `Expected the same images in all feature stores but ${other} has none of ${store}`,
    );
  });

  it('a grid file that is missing or no grid', async () => {
    const store = await syntheticStore(clusters(ABC, 10));
    const file = join(newFolder(), 'grid.yaml');
    expect(await refused(store, ['--grid', file])).toContain(file);
    writeFileSync(file, 'lr: [1e-3\n');
    expect(await refused(store, ['--grid', file])).toContain(file);
  });

  it.each([
    [['--lr', '0'], 'Expected a number above 0 for --lr but received "0"'],
    [['--momentum', '0.9'], 'for --momentum 0.9 but received --optimizer adam'],
    [['--split', '70/20'], 'for --split but received "70/20"'],
    [['--pooling', 'maxx'], 'for --pooling (the columns of '],
    [['--grid', 'lr=1e-3;hiden=8'], '(did you mean hidden?)'],
    [['--grid', 'lr=fast'], '"fast"'],
    [['--epoch', '5'], 'Unknown flag --epoch (did you mean --epochs?)'],
  ])('%j with status 2', async (args, message) => {
    const { status, stderr, stdout } = await trainHead(await syntheticStore(clusters(ABC, 6)), args);
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(STACK_TRACE);
    expect(stdout).toBe('');
    expect(status).toBe(2);
  });
});
