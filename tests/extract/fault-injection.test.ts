/** The built command on a full disk, without its images, and killed. */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { openStore } from '../../src/shared/store/reader.ts';
import { permafrost, STACK_TRACE } from '../support/command.ts';
import { surviveKills } from '../support/fault-injection/extraction.ts';
import { newFolder } from '../support/folders.ts';

const SMALL = ['--weights', 'none', '--backbone', 'mobilenet_0.25', '--size', '32x32', '--json'];

async function photos(count: number): Promise<string> {
  const data = newFolder();
  for (let i = 0; i < count; i++) {
    const folder = join(data, 'ab'[i % 2]);
    mkdirSync(folder, { recursive: true });
    const background = { r: i, g: 255 - i, b: (i * 37) % 256 };
    await sharp({ create: { width: 8, height: 8, channels: 3, background } })
      .png()
      .toFile(join(folder, `${i}.png`));
  }
  return data;
}

it.skipIf(process.platform === 'win32')(
  'a disk without room ends the run with one line, and the next one goes on',
  async () => {
    const data = await photos(80);
    const out = join(newFolder(), 'store');
    const program = fileURLToPath(new URL('../../dist/permafrost.js', import.meta.url));
    const args = ['extract', '--data', data, '--out', out, ...SMALL];
    // 80 rows of 256 numbers are 80 kB; files may have 40 kB.
    const limited = await new Promise<{ code: number; stderr: string }>((resolve) => {
      execFile(
        'bash',
        ['-c', 'ulimit -f 40; exec "$@"', 'bash', process.execPath, program, ...args],
        (error, _, stderr) => resolve({ code: Number(error?.code ?? 0), stderr }),
      );
    });
    expect(limited.code, limited.stderr).toBe(1);
    expect(limited.stderr).not.toMatch(STACK_TRACE);
    expect(limited.stderr).toContain('files may not be that large here (EFBIG)');
    const again = await permafrost(args);
    expect(again.status, again.stderr).toBe(0);
    expect((await openStore(out)).rows).toBe(80);
  },
);

it('a folder that vanishes ends the run, and what it had is kept', async () => {
  const data = await photos(30);
  const out = join(newFolder(), 'store');
  await permafrost(['extract', '--data', data, '--out', out, ...SMALL]);
  const manifest = readFileSync(join(out, 'manifest.json'), 'utf8');
  let gone = false;
  const run = await permafrost(['extract', '--data', data, '--out', out, '--rehash', ...SMALL], {
    onStderr: () => {
      // Said when the images are listed and none is read.
      if (!gone) rmSync(data, { recursive: true });
      gone = true;
    },
  });
  expect(run.status).toBe(1);
  expect(run.stderr).toContain('disappeared while its images were read: what was computed is kept');
  expect(run.stderr).not.toMatch(STACK_TRACE);
  expect(readFileSync(join(out, 'manifest.json'), 'utf8')).toBe(manifest);
});

it('an extraction that is killed at random moments ends as if it had not been', () =>
  surviveKills({ kills: 4, images: 150, seed: 2 }));
