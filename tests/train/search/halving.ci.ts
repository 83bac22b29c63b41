/** Successive halving with the built command. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { describe, expect, it } from 'vitest';
import { permafrost, STACK_TRACE } from '../../support/command.ts';
import { newFolder } from '../../support/folders.ts';
import { clusters, syntheticStore } from '../../support/synthetic-store.ts';

describe('--halving', () => {
  /** Rates from useless to good: the winners show at once. */
  const grid = 'lr=3e-2,1e-2,1e-5,1e-6,3e-6,1e-7;hidden=none,8';
  const args = ['--epochs', '27', '--early-stopping', '0', '--grid', grid, '--json'];

  async function trained(store: string, more: readonly string[]) {
    const out = join(newFolder(), 'run');
    const outcome = await permafrost(['train-head', '--features', store, '--out', out, ...args, ...more]);
    expect(outcome.status, outcome.stderr).toBe(0);
    const lines: Record<string, string>[] = parse(readFileSync(join(out, 'leaderboard.csv')), {
      columns: true,
    });
    const untimed = lines.map(({ seconds, rank, ...line }) => line);
    const epochs = lines.reduce((sum, line) => sum + Number(line.epochs_run), 0);
    const best = readFileSync(join(out, 'best', 'head.safetensors'));
    return { ...outcome, lines: untimed, epochs, best };
  }

  it('finds the same best head with a fraction of the epochs, whatever the workers', async () => {
    const store = await syntheticStore(clusters(['a', 'b', 'c'], 40));
    const [whole, halved, alone] = await Promise.all([
      trained(store, []),
      trained(store, ['--halving']),
      trained(store, ['--halving', '--workers', '1']),
    ]);
    expect(halved.stderr).toContain('Halving: 12 heads to epoch 3, 4 to 9, 2 to 27');
    expect(halved.lines.map(({ status, epochs_run }) => `${status} ${epochs_run}`)).toEqual([
      ...Array(2).fill('done 27'),
      ...Array(2).fill('dropped 9'),
      ...Array(8).fill('dropped 3'),
    ]);
    expect(halved.stdout).toMatch(/dropped after/);
    expect(halved.stdout).toContain('10 dropped by halving');
    expect(whole.epochs).toBe(12 * 27);
    expect(halved.epochs).toBeLessThan(whole.epochs / 3);
    // Those that went all the way are as if the others had never been.
    for (const line of halved.lines.slice(0, 2)) expect(whole.lines).toContainEqual(line);
    expect(halved.lines[0]).toEqual(whole.lines[0]);
    expect(halved.best.equals(whole.best)).toBe(true);
    expect(alone.lines).toEqual(halved.lines);
    expect(alone.best.equals(halved.best)).toBe(true);
  });

  it('ranks several seeds by their mean and drops them together', async () => {
    const store = await syntheticStore(clusters(['a', 'b', 'c'], 30));
    const { lines } = await trained(store, ['--halving', '--seeds', '2', '--halving-factor', '4']);
    expect(lines.map(({ status, epochs_run, runs }) => `${status} ${epochs_run} ${runs}`)).toEqual([
      ...Array(3).fill('done 27 2'),
      ...Array(9).fill('dropped 7 2'),
    ]);
  });

  it('refuses what cannot be halved', async () => {
    const store = await syntheticStore(clusters(['a', 'b'], 20));
    for (const [flags, message] of [
      [['--halving'], 'Expected at least 3 different heads for --halving but received 1'],
      [
        [...args, '--halving', '--folds', '3'],
        'Expected one validation split for --halving but received "--folds 3"',
      ],
      [[...args, '--halving-factor', '2'], '--halving-factor needs --halving'],
      [
        ['--grid', 'lr=1,2,3', '--epochs', '2', '--halving'],
        'Expected at least 3 epochs for --halving but received 2',
      ],
      [
        ['--grid', 'l2=1,2,3', '--optimizer', 'lbfgs', '--halving'],
        'epoch by epoch for --halving but received "lbfgs"',
      ],
    ] as const) {
      const outcome = await permafrost(['train-head', '--features', store, ...flags]);
      expect(outcome.stderr).toContain(message);
      expect(outcome.status).toBe(2);
      expect(outcome.stderr).not.toMatch(STACK_TRACE);
    }
  });
});
