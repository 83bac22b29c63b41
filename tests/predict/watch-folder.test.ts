/** Which files of a watched folder are taken, look by look. */
import { appendFileSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { watchFolder } from '../../src/predict/watch.ts';
import { newFolder } from '../support/folders.ts';

/** Each look at the folder waits for the next of these. */
const looks: (() => void)[] = [];
vi.mock('node:timers/promises', () => ({ setTimeout: () => new Promise<void>((look) => looks.push(look)) }));

it('takes an image whose size and date were the same at two looks, once, and again when it changes', async () => {
  const folder = newFolder();
  const path = (name: string) => join(folder, name);
  const write = (name: string, text: string) => writeFileSync(path(name), text);
  write('earlier.jpg', 'there before');
  const controller = new AbortController();
  const taken: string[][] = [];
  const images = await watchFolder(folder, controller.signal);
  const watching = (async () => {
    for await (const files of images) taken.push(files.map((file) => file.slice(folder.length + 1)));
  })();
  /** What one more look takes. */
  const look = async () => {
    await vi.waitFor(() => expect(looks).toHaveLength(1));
    taken.length = 0;
    looks.pop()!();
    // The next one is asked for when this one is done.
    await vi.waitFor(() => expect(looks).toHaveLength(1));
    return taken.flat();
  };
  expect(await look()).toEqual([]);
  write('growing.jpg', 'a');
  write('whole.jpg', 'b');
  write('text.txt', 'c');
  expect(await look()).toEqual([]);
  appendFileSync(path('growing.jpg'), 'a');
  mkdirSync(path('deep'));
  write('deep/late.png', 'd');
  expect(await look()).toEqual(['whole.jpg']);
  expect(await look()).toEqual(['deep/late.png', 'growing.jpg']);
  expect(await look()).toEqual([]);
  // Another date is another image; one that went and came back is new.
  utimesSync(path('earlier.jpg'), 1, 1);
  rmSync(path('whole.jpg'));
  expect(await look()).toEqual([]);
  write('whole.jpg', 'b');
  expect(await look()).toEqual(['earlier.jpg']);
  expect(await look()).toEqual(['whole.jpg']);
  controller.abort();
  looks.pop()!();
  await watching;
});
