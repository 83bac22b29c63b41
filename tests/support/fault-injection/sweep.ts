/** A sweep that is killed again and again, and what it must end with. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { permafrost } from '../command.ts';

/** The heads of a run without what a clock decides. */
function leaderboard(out: string): string[] {
  const [header, ...lines] = readFileSync(join(out, 'leaderboard.csv'), 'utf8').trimEnd().split('\n');
  const seconds = header.split(',').indexOf('seconds');
  return [header, ...lines].map((line) => line.split(',').toSpliced(seconds, 1).join(','));
}

/** Heads on record in a run's folder. */
function finished(out: string): number {
  const path = join(out, 'unfinished', 'results.jsonl');
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').length - 1 : 0;
}

/**
 * Runs a sweep once undisturbed, and once with a kill -9 after each of `delays` milliseconds, and compares.
 * @param args of train-head but for --out
 * @returns how often it was killed before it ended
 */
export async function expectSameAfterKills(
  args: string[],
  folder: string,
  delays: readonly number[],
): Promise<number> {
  const [calm, killed] = ['calm', 'killed'].map((name) => join(folder, name));
  expect((await permafrost(['train-head', ...args, '--out', calm])).status).toBe(0);
  const again = ['train-head', ...args, '--out', killed];
  let kept = 0;
  let kills = 0;
  for (const delay of delays) {
    let timer: NodeJS.Timeout | undefined;
    await permafrost(again, {
      onStderr(_, child) {
        timer ??= setTimeout(() => child.kill('SIGKILL'), delay);
      },
    });
    clearTimeout(timer);
    if (existsSync(join(killed, 'metrics.json'))) break;
    kills++;
    // What is on record is never lost, and so never trained again.
    expect(finished(killed)).toBeGreaterThanOrEqual(kept);
    kept = finished(killed);
  }
  const { status, stderr } = await permafrost(again);
  expect(status).toBe(0);
  if (kept > 0) expect(stderr).toContain(`Resuming ${killed}: ${kept} head`);
  expect(leaderboard(killed)).toEqual(leaderboard(calm));
  const best = (out: string) => readFileSync(join(out, 'best', 'head.safetensors'));
  expect(best(killed).equals(best(calm))).toBe(true);
  expect(existsSync(join(killed, 'unfinished'))).toBe(false);
  return kills;
}
