/** When rows that wait are written: what a crash may cost. */
import { readdirSync } from 'node:fs';
import { afterEach, expect, it, vi } from 'vitest';
import { newFolder } from '../../support/folders.ts';
import { row, writerOf } from '../../support/store-rows.ts';

afterEach(() => {
  vi.useRealTimers();
});

it('rows are written two seconds after those before them, not earlier', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const dir = newFolder();
  const writer = await writerOf(dir, { flushSeconds: 2 });
  const parts = () => readdirSync(dir).filter((name) => name.startsWith('part-')).length;
  const written: number[] = [];
  for (const [number, ms] of [2000, 1, 1000, 1000, 1, 1999, 2].entries()) {
    vi.advanceTimersByTime(ms);
    const { record, features } = row(number);
    await writer.append(record, features);
    written.push(parts());
  }
  // After 2,000, 2,001, 3,001, 4,001, 4,002, 6,001 and 6,003 ms.
  expect(written).toEqual([0, 1, 1, 1, 2, 2, 3]);
});
