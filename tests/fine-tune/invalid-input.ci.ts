/** What fine-tune is given and cannot work with: one sentence each. */
import { cpSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { trainHeads } from '../../src/index.ts';
import { permafrost, STACK_TRACE } from '../support/command.ts';
import { newFolder } from '../support/folders.ts';
import { syntheticStore } from '../support/synthetic-store.ts';
import { type TrainedRun, trainedRun } from '../support/trained-run.ts';

let run: TrainedRun;
beforeAll(async () => {
  run = await trainedRun();
});

const fineTune = (args: string[], head = run.head) =>
  permafrost([
    'fine-tune',
    '--head',
    head,
    '--epochs',
    '1',
    '--out',
    join(newFolder(), 'out'),
    '--json',
    ...args,
  ]);

/** A copy of the run whose head.json is changed. */
function changedHead(change: (record: Record<string, unknown>) => void): string {
  const copy = join(newFolder(), 'run');
  cpSync(join(run.head, '..'), copy, { recursive: true });
  const path = join(copy, 'best', 'head.json');
  const record = JSON.parse(readFileSync(path, 'utf8'));
  change(record);
  writeFileSync(path, JSON.stringify(record));
  return join(copy, 'best');
}

describe('fine-tune refuses', () => {
  it.each<[string, string[], number, string]>([
    ['a layer that there is not', ['--from', 'block9z'], 2, 'for --from but received "block9z"'],
    ['views that are none', ['--views', '4:twist'], 2, 'for --views but received "twist"'],
    ['an exact solver', ['--optimizer', 'lbfgs'], 2, 'for --optimizer but received "lbfgs"'],
    ['weights of layers that there are not', ['--train', 'blok7a'], 2, 'for --train but received "blok7a"'],
    [
      'a metric of another task',
      ['--monitor', 'subsetAccuracy'],
      2,
      'for --monitor but received "subsetAccuracy"',
    ],
    ['a store that there is not', ['--features', 'nowhere'], 1, 'No feature store at nowhere'],
    ['more activations than allowed', ['--max-cache', '1KB', '--from', 'block6c'], 1, '--max-cache'],
  ])('%s', async (_, args, status, message) => {
    const outcome = await fineTune(args);
    expect(outcome).toMatchObject({ status, stdout: '' });
    expect(outcome.stderr).toContain(message);
    expect(outcome.stderr).not.toMatch(STACK_TRACE);
  });

  it('weights of layers that there are not, before activations are computed', async () => {
    const { status, stderr } = await fineTune(['--from', 'block6b', '--train', 'blok7a']);
    expect(status).toBe(2);
    expect(stderr).not.toContain('activations of');
  });

  it('a folder that is no head, or the run around one', async () => {
    expect((await fineTune([], join(run.head, '..'))).stderr).toContain(`(did you mean ${run.head}?)`);
  });

  it('a head that does not say where its store is, unless it is told', async () => {
    const head = changedHead((record) => delete record.stores);
    const { status, stderr } = await fineTune([], head);
    expect(status).toBe(1);
    expect(stderr).toContain('pass --features STORE');
    expect(await fineTune(['--features', run.store], head)).toMatchObject({ status: 0 });
  });

  it('a head without its run, and a store of another backbone', async () => {
    const head = changedHead(() => {});
    rmSync(join(head, '..', 'predictions.csv'));
    expect((await fineTune([], head)).stderr).toContain('give the folder best where train-head left it');
    const other = await syntheticStore([{ name: 'x', labels: ['a'], features: [1] }]);
    expect((await fineTune(['--features', other])).stderr).toMatch(/Expected|their (backbone|weightsHash)/);
  });

  it('heads on several backbones and of folds', async () => {
    const copy = join(newFolder(), 'copy');
    cpSync(run.store, copy, { recursive: true });
    const several = join(newFolder(), 'several');
    const rest = { report: false, head: { epochs: 1 } };
    await trainHeads({ source: { features: [run.store, copy] }, out: several, ...rest });
    expect((await fineTune([], join(several, 'best'))).stderr).toContain('only one can be trained at a time');
    const folds = join(newFolder(), 'folds');
    await trainHeads({ source: { features: [run.store] }, out: folds, folds: 2, ...rest });
    expect((await fineTune([], join(folds, 'best'))).stderr).toContain(
      'train the head without --folds first',
    );
  });
});

describe('fine-tune', () => {
  it('keeps the start where every training diverges', async () => {
    const { status, stderr, summary } = await fineTune([
      '--lr',
      '1e38',
      '--warmup',
      '0',
      '--optimizer',
      'sgd',
    ]);
    expect(status, stderr).toBe(0);
    expect(summary).toMatchObject({ heads: 1, diverged: 1, best: { id: 'start' } });
  });

  it('needs no photos where all activations are cached, and says so where they are not', async () => {
    expect(await fineTune(['--from', 'block7a'])).toMatchObject({ status: 0 });
    const moved = `${run.photos}-moved`;
    renameSync(run.photos, moved);
    try {
      expect(await fineTune(['--from', 'block7a'])).toMatchObject({ status: 0 });
      const { status, stderr } = await fineTune(['--from', 'block5a']);
      expect(status).toBe(1);
      expect(stderr).toContain('the photos are no longer in');
      expect(await fineTune(['--from', 'block5a', '--images', moved])).toMatchObject({ status: 0 });
    } finally {
      renameSync(moved, run.photos);
    }
  });
});
