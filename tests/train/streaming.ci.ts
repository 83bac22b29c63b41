/** Features larger than the memory they may take, with the built command. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { expect, it } from 'vitest';
import { permafrost, STACK_TRACE } from '../support/command.ts';
import { newFolder } from '../support/folders.ts';
import { clusters, syntheticStore } from '../support/synthetic-store.ts';

const TINY = ['--max-memory', '4KB'];

async function trained(store: string, args: readonly string[]) {
  const out = join(newFolder(), 'run');
  const outcome = await permafrost(['train-head', '--features', store, '--out', out, ...args]);
  expect(outcome.status, outcome.stderr).toBe(0);
  const csv: Record<string, string>[] = parse(readFileSync(join(out, 'leaderboard.csv')), { columns: true });
  const lines = csv.map(({ seconds, ...line }) => line);
  return { lines, stderr: outcome.stderr, out };
}

const images = clusters(['a', 'b', 'c'], 100).sort((a, b) => a.labels[0].localeCompare(b.labels[0]));

it('are read in blocks from disk, with about the same heads whatever the normalisation', async () => {
  const store = await syntheticStore(images);
  const grid = ['--grid', 'normalize=none,standardize,l2;hidden=none,8;lr=3e-2', '--epochs', '10'];
  const [inMemory, streamed, alone] = await Promise.all([
    trained(store, grid),
    trained(store, [...grid, ...TINY]),
    trained(store, [...grid, ...TINY, '--workers', '1']),
  ]);
  expect(inMemory.stderr).not.toContain('blocks');
  expect(streamed.stderr).toMatch(
    /Features of 21\.1 KB do not fit into 4 KB: read from disk in blocks of \d+ rows/,
  );
  expect(alone.lines).toEqual(streamed.lines);
  for (const line of streamed.lines) {
    const other = inMemory.lines.find(({ id }) => id === line.id);
    expect(Math.abs(Number(line.val_loss) - Number(other?.val_loss))).toBeLessThan(0.05);
  }
  expect(existsSync(join(streamed.out, 'unfinished'))).toBe(false);
  expect(readdirSync(streamed.out).filter((name) => name.endsWith('.f32'))).toEqual([]);
});

it('give the same exact solution as in memory', async () => {
  const store = await syntheticStore(images);
  const exact = ['--optimizer', 'lbfgs', '--grid', 'l2=1e-2,1e-3', '--normalize', 'standardize'];
  const inMemory = await trained(store, exact);
  const streamed = await trained(store, [...exact, ...TINY]);
  for (const [index, { val_loss }] of streamed.lines.entries())
    expect(Number(val_loss)).toBeCloseTo(Number(inMemory.lines[index].val_loss), 4);
});

it('go with halving, sources that compete and sample weights', async () => {
  const weighted = images.map((image, index) => ({ ...image, weight: index % 3 }));
  const [first, second] = [
    await syntheticStore(weighted),
    await syntheticStore(images, { backbone: 'vgg16' }),
  ];
  const grid = `features=${first},${first}+${second};lr=1e-1,1e-2,1e-5`;
  const { lines, stderr } = await trained(first, ['--grid', grid, '--epochs', '9', '--halving', ...TINY]);
  expect(stderr).toContain('Halving: 6 heads to epoch 3, 2 to 9');
  expect(stderr).toContain('do not fit into 4 KB');
  expect(lines.map(({ status }) => status)).toEqual([...Array(2).fill('done'), ...Array(4).fill('dropped')]);
  expect(new Set(lines.map(({ features }) => features))).toEqual(new Set([first, `${first}+${second}`]));
});

it('must fit for folds', async () => {
  const store = await syntheticStore(images);
  for (const [args, message] of [
    [[...TINY, '--folds', '3'], 'Expected features that fit into --max-memory for --folds but received 3'],
    [['--max-memory', 'much'], 'Expected a size like 800MB or 4GB for --max-memory but received "much"'],
  ] as const) {
    const { status, stderr } = await permafrost(['train-head', '--features', store, ...args]);
    expect(stderr).toContain(message);
    expect(status).toBe(2);
    expect(stderr).not.toMatch(STACK_TRACE);
  }
});
