/** `predict --watch` as it is installed. */
import type { ChildProcess } from 'node:child_process';
import { copyFileSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { permafrost } from '../support/command.ts';
import { newFolder } from '../support/folders.ts';
import { writeRandomHead } from '../support/random-head.ts';

it('predicts images that come, warns of what is none, and ends when told to', async () => {
  const root = newFolder();
  const folder = join(root, 'inbox');
  mkdirSync(folder);
  const photo = join(root, 'photo.jpg');
  await sharp({ create: { width: 20, height: 20, channels: 3, background: 'red' } }).toFile(photo);
  copyFileSync(photo, join(folder, 'earlier.jpg'));
  const head = await writeRandomHead(join(root, 'best'));
  let hasStarted = false;
  let [output, errors] = ['', ''];
  /** Ends the command once it has told of all that came. */
  const stopWhenDone = (child: ChildProcess) => {
    if (!child.killed && output.trim().split('\n').length === 2 && errors.includes('text.jpg'))
      child.kill('SIGINT');
  };
  const run = await permafrost(['predict', '--head', head, '--watch', folder], {
    onStderr(written, child) {
      errors = written;
      if (!hasStarted && written.includes('Watching')) {
        hasStarted = true;
        mkdirSync(join(folder, 'deep'));
        copyFileSync(photo, join(folder, 'deep', 'new.jpg'));
        writeFileSync(join(folder, 'text.jpg'), 'just some words');
        copyFileSync(photo, join(folder, 'half.part'));
        renameSync(join(folder, 'half.part'), join(folder, 'half.jpg'));
      }
      stopWhenDone(child);
    },
    onStdout(written, child) {
      output = written;
      stopWhenDone(child);
    },
  });
  expect(run.status, run.stderr).toBe(0);
  const lines = run.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.map(({ path }) => path)).toEqual([join(folder, 'deep', 'new.jpg'), join(folder, 'half.jpg')]);
  expect(Object.keys(lines[0].probabilities)).toEqual(['red', 'green <b>', 'blue']);
  expect(run.stderr).toContain(`${join(folder, 'text.jpg')}: not an image`);
});

it('refuses images beside it, and what is no folder', async () => {
  const head = await writeRandomHead(join(newFolder(), 'best'));
  const refused = await permafrost(['predict', '--head', head, '--watch', '.', 'a.jpg']);
  expect(refused.status).toBe(2);
  expect(refused.stderr).toContain('--watch cannot be combined with images');
  const missing = await permafrost(['predict', '--head', head, '--watch', 'nowhere']);
  expect(missing.status).toBe(1);
  expect(missing.stderr).toContain('No such folder: nowhere (--watch)');
});
