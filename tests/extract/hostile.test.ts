/** Machines and images that mean no good, met by the built command. */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { openStore } from '../../src/shared/store/reader.ts';
import { newFolder, permafrost, STACK_TRACE } from '../command.ts';

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
  expect(run.stderr).toContain('has vanished while its images were read: what was computed is kept');
  expect(run.stderr).not.toMatch(STACK_TRACE);
  expect(readFileSync(join(out, 'manifest.json'), 'utf8')).toBe(manifest);
});

it('drawings that ask for other files are listed, not opened', async () => {
  const data = await photos(4);
  const secret = join(newFolder(), 'secret.png');
  await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
    .png()
    .toFile(secret);
  writeFileSync(join(data, 'a', 'x.png'), `<svg width="9" height="9"><image href="file://${secret}"/></svg>`);
  const out = join(newFolder(), 'store');
  const { status, summary } = await permafrost(['extract', '--data', data, '--out', out, ...SMALL]);
  expect(status).toBe(0);
  expect(summary).toMatchObject({ images: 5, computed: 4, failed: 1 });
  expect(JSON.parse(readFileSync(join(out, 'errors.jsonl'), 'utf8'))).toEqual({
    path: 'a/x.png',
    reason: 'SVG is a drawing: render it to pixels first',
  });
});
