/** The package as programs import it: by its own name, from what is built; it prints nothing. */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { drawLeaves } from '../scripts/leaves.ts';
import { photos } from './support/class-folders.ts';
import { newFolder } from './support/folders.ts';
import { writeRandomHead } from './support/random-head.ts';

/** Runs a program to its end, which it must come to by itself; returns what it found out. */
async function ran(name: string, data: string, photo: string) {
  const root = newFolder();
  const head = await writeRandomHead(join(root, 'best'));
  expect(existsSync(photo)).toBe(true);
  const program = fileURLToPath(new URL(`support/programs/${name}`, import.meta.url));
  const run = await new Promise<{ error: Error | null; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, [program, data, photo, root, head], (error, stdout, stderr) =>
      resolve({ error, stdout, stderr }),
    );
  });
  expect(run).toEqual({ error: null, stdout: '', stderr: '' });
  return { root, found: JSON.parse(readFileSync(join(root, 'found.json'), 'utf8')) };
}

it('does everything that the commands do, silently', async () => {
  const folder = join(newFolder(), 'leaves');
  const labels = await drawLeaves(folder, { count: 24, seed: 5 });
  const { root, found } = await ran('library.mjs', labels, join(folder, 'leaf-0000.jpg'));
  expect(found).toMatchObject({
    computed: 24,
    columns: ['avg', 'conv_pw_3_relu/avg', 'conv_pw_5_relu/avg', 'conv_pw_11_relu/avg'],
    classes: ['mildew', 'rust'],
    stopped: 'stop',
  });
  expect(found.progress).toBeGreaterThanOrEqual(24);
  expect(found.answers[0]).toEqual(found.answers[1]);
  expect(found.answers[0].labels.length).toBe(1);
  expect(found.once).toEqual([found.answers[0]]);
  expect(found.refused).toEqual([true, expect.stringMatching(/^image 1: /)]);
  expect(readdirSync(join(root, 'run')).sort()).toEqual([
    'best',
    'history.arrow',
    'leaderboard.csv',
    'metrics.json',
    'predictions.csv',
  ]);
  expect(found.trained).toBeLessThanOrEqual(2);
  expect(found.exported).toBeLessThan(1e-4);
  expect(found.byDefault).toEqual([join('cache', 'leaves-labels', 'mobilenet_0.25'), 24]);
  expect(found.oneHead).toEqual([1, 1e-3, 32]);
}, 300_000);

it('stops where a signal says so, and goes on from there when asked again', async () => {
  const folder = await photos(48);
  const { found } = await ran('library-abort.mjs', folder, join(folder, 'a', 'image-0.jpg'));
  const { extract, train, predict, ...rest } = found;
  expect(extract).toMatchObject({ before: 'never', isUntouched: true, midway: 'enough', isAlike: true });
  expect(extract.kept).toBeGreaterThanOrEqual(8);
  expect(extract.kept).toBeLessThan(48);
  expect(extract.again).toEqual({ computed: 48 - extract.kept, reused: extract.kept, rows: 48 });
  expect(train).toMatchObject({
    before: 'never',
    isUntouched: true,
    untrained: 'enough',
    folds: 'enough',
    isAlike: true,
    stopped: { interrupted: true, isResumable: true, hasBest: true },
    ended: { interrupted: false, heads: 4, isResumable: false },
  });
  expect([2, 3]).toContain(train.stopped.complete);
  const resumed = `: ${train.stopped.complete} heads are already trained`;
  expect(train.ended.messages.filter((message: string) => message.endsWith(resumed))).toHaveLength(1);
  expect(predict).toEqual({ before: 'never', midway: 'enough', after: 1 });
  expect(rest).toMatchObject({ export: { before: 'never', left: [] }, handlers: [0, 0, 0] });
  expect(new Set(rest.listeners)).toEqual(new Set([0]));
}, 300_000);
