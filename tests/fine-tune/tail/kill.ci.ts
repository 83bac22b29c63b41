/** Trainings that are killed again and again end with the numbers of one that was left alone. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { random } from '../../../src/shared/random.ts';

const PROGRAM = fileURLToPath(new URL('../../support/programs/train-tails.ts', import.meta.url));
const KILLS = 15;

const folder = mkdtempSync(join(tmpdir(), 'permafrost-killed-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** @param delay milliseconds from the first epoch to the kill; default: it lives @returns its status, null where it was killed */
function run(out: string, delay?: number): Promise<number | null> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--import', 'tsx', PROGRAM, out], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let timer: NodeJS.Timeout | undefined;
    child.stderr.on('data', () => {
      if (delay !== undefined) timer ??= setTimeout(() => child.kill('SIGKILL'), delay);
    });
    child.on('close', (status) => {
      clearTimeout(timer);
      resolve(status);
    });
  });
}

const outcomes = (out: string): string[] =>
  ['adam', 'sgd'].map((id) => readFileSync(join(out, `${id}.json`), 'utf8'));

it('a kill -9 at any moment changes no bit of what trainings end with', async () => {
  const [calm, killed] = ['calm', 'killed'].map((name) => join(folder, name));
  expect(await run(calm)).toBe(0);
  const stream = random(1, 'kills');
  let kills = 0;
  while (kills < KILLS && !(existsSync(join(killed, 'adam.json')) && existsSync(join(killed, 'sgd.json')))) {
    const status = await run(killed, Math.floor(120 * stream.uniform()));
    if (status === 0) break;
    kills++;
  }
  expect(kills).toBeGreaterThan(3);
  expect(await run(killed)).toBe(0);
  expect(outcomes(killed)).toEqual(outcomes(calm));
  expect(readdirSync(join(killed, 'states')).filter((name) => name.endsWith('.state'))).toEqual([]);
});
