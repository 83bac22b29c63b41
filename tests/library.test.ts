/** The package as programs import it: by its own name, from what is built; it prints nothing. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { drawLeaves } from '../scripts/leaves.ts';
import { newFolder } from './command.ts';
import { writeRandomHead } from './head.ts';

const PROGRAM = fileURLToPath(new URL('library-program.mjs', import.meta.url));

it('does everything that the commands do, silently', async () => {
  const root = newFolder();
  const labels = await drawLeaves(join(root, 'leaves'), { count: 24, seed: 5 });
  const head = await writeRandomHead(join(root, 'best'));
  const photo = join(root, 'leaves', 'leaf-0000.jpg');
  expect(existsSync(photo)).toBe(true);
  const run = spawnSync(process.execPath, [PROGRAM, labels, photo, root, head], {
    encoding: 'utf8',
  });
  expect(run.stderr).toBe('');
  expect(run.stdout).toBe('');
  expect(run.status).toBe(0);
  const found = JSON.parse(readFileSync(join(root, 'found.json'), 'utf8'));
  expect(found).toMatchObject({
    computed: 24,
    columns: ['avg'],
    classes: ['mildew', 'rust'],
    stopped: 'stop',
  });
  expect(found.progress).toBeGreaterThanOrEqual(24);
  expect(found.answers[0]).toEqual(found.answers[1]);
  expect(found.answers[0].labels.length).toBe(1);
  expect(found.once).toEqual([found.answers[0]]);
  expect(found.refused).toEqual([true, expect.stringMatching(/^image 1: /)]);
  expect(readdirSync(join(root, 'run')).sort()).toEqual([
    ...['best', 'history.arrow', 'leaderboard.csv', 'metrics.json', 'predictions.csv'],
  ]);
  expect(found.trained).toBeLessThanOrEqual(2);
  expect(found.exported).toBeLessThan(1e-4);
});
