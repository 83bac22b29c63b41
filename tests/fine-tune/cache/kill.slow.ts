/** Caching that is killed again and again ends with the files of one that was left alone. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { random } from '../../../src/shared/random.ts';
import { photos } from '../../support/class-folders.ts';
import { newFolder } from '../../support/folders.ts';

const PROGRAM = fileURLToPath(new URL('../../support/programs/cache-activations.ts', import.meta.url));
const KILLS = 50;
const PHOTOS = 90;

interface Outcome {
  /** Undefined where it was killed. */
  computed?: number;
  stderr: string;
  /** Milliseconds from the first message to the end. */
  duration: number;
}

/** @param delay milliseconds from the first message to the kill; default: it lives */
function run(data: string, out: string, delay?: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--import', 'tsx', PROGRAM, data, out]);
    let timer: NodeJS.Timeout | undefined;
    let started: number | undefined;
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (piece) => {
      stdout += piece;
    });
    child.stderr.on('data', (piece) => {
      stderr += piece;
      started ??= performance.now();
      if (delay !== undefined) timer ??= setTimeout(() => child.kill('SIGKILL'), delay);
    });
    child.on('close', (status) => {
      clearTimeout(timer);
      const duration = performance.now() - (started ?? 0);
      const computed = status === 0 ? JSON.parse(stdout).computed : undefined;
      resolve({ stderr, duration, computed });
    });
  });
}

/** The SHA-256 of every file below a folder. */
function filesOf(dir: string): string[] {
  const paths = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((path) => path.includes('.'));
  return paths.sort().map((path) => {
    const hash = createHash('sha256').update(readFileSync(join(dir, path)));
    return `${path} ${hash.digest('hex')}`;
  });
}

/** Rows that are listed, in all folders. */
function rowsIn(out: string): number {
  const names = existsSync(out) ? readdirSync(out) : [];
  const manifests = names.map((name) => join(out, name, 'manifest.json')).filter(existsSync);
  return manifests.reduce((sum, path) => sum + JSON.parse(readFileSync(path, 'utf8')).counts.rows, 0);
}

it('a kill -9 at any of 50 moments changes no byte of what is cached in the end', async () => {
  const data = await photos(PHOTOS);
  const folder = newFolder();
  const calm = join(folder, 'calm');
  const total = PHOTOS + PHOTOS / 2;
  const { computed: all, duration: first } = await run(data, calm);
  expect(all).toBe(total);
  const wanted = filesOf(calm);
  expect(wanted.length).toBeGreaterThan(8);
  const stream = random(1, 'kills');
  // What else runs on the machine changes how long a whole run takes.
  let shortest = first;
  let finished = 0;
  let kept = 0;
  for (let kills = 0; kills < KILLS; ) {
    const out = join(folder, `killed-${finished}`);
    const { computed, stderr, duration } = await run(data, out, Math.floor(shortest * stream.uniform()));
    expect(stderr).not.toMatch(/\n\s+at |Damaged/);
    const rows = rowsIn(out);
    // What is listed stays listed, and is not computed again.
    expect(rows).toBeGreaterThanOrEqual(kept);
    if (computed === undefined) {
      kills++;
      kept = rows;
      continue;
    }
    expect(computed).toBe(total - kept);
    expect(filesOf(out)).toEqual(wanted);
    if (kept === 0) shortest = Math.min(shortest, duration);
    finished++;
    kept = 0;
  }
  const out = join(folder, `killed-${finished}`);
  expect((await run(data, out)).computed).toBe(total - kept);
  expect(filesOf(out)).toEqual(wanted);
});
