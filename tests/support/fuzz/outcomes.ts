/** What a built reader made of damaged copies of a file, each named and timed in a process of its own. */
import { expect } from 'vitest';

export interface Outcome {
  name: string;
  ms: number;
  /** The most that the process has taken so far, in kB. */
  rss: number;
  error?: { name: string; message: string };
}

/**
 * Expects each outcome to be an array read or an error that names the file, within 5 s and 1 GB; the whole file is
 * read, and most damaged ones are not. Prints how far from these bounds they were.
 * @param whole name of the file without damage
 * @param maxRead share of files that may be read all the same: damage inside numbers, where formats have no checksum
 */
export function expectRefusals(outcomes: readonly Outcome[], whole: string, maxRead: number): void {
  for (const { name, ms, error, rss } of outcomes) {
    expect(ms, name).toBeLessThan(5000);
    expect(rss, name).toBeLessThan(1e6);
    if (!error) continue;
    expect(error.name, `${name}: ${error.message}`).toBe('InputError');
    // A damaged shard is named itself, not the model it belongs to.
    expect(error.message).toContain(name.replace(/\.json$/, ''));
  }
  const read = outcomes.filter(({ error }) => !error).map(({ name }) => name);
  expect(read).toContain(whole);
  expect(read.length).toBeLessThan((outcomes.length - 1) * maxRead);
  const slowest = Math.max(...outcomes.map(({ ms }) => ms));
  const most = Math.max(...outcomes.map(({ rss }) => rss));
  console.log(
    `${whole}: ${outcomes.length - read.length} refused, ${read.length - 1} read; slowest ${slowest.toFixed(0)} ms, at most ${(most / 1000).toFixed(0)} MB`,
  );
}
