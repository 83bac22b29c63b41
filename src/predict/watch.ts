/** New images of a folder, as they appear. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { InputError } from '../shared/errors.ts';
import { walkFolder } from '../shared/images/folder.ts';
import { hasImageExtension } from '../shared/images/formats.ts';

/** Milliseconds between two looks: network folders tell nobody of changes, so looking is what works everywhere. */
const INTERVAL = 500;

/**
 * Looks at a folder; what it returns yields the images below it that come, or change, from then on: those whose size and
 * date were the same at two looks, so that a file still being written is waited for. Ends when `signal` aborts.
 * @throws InputError when there is no such folder
 */
export async function watchFolder(folder: string, signal: AbortSignal): Promise<AsyncGenerator<string[]>> {
  if (!(await stat(folder).catch(() => undefined))?.isDirectory())
    throw new InputError(`No such folder: ${folder} (--watch)`);
  return changes(folder, await states(folder), signal);
}

async function* changes(
  folder: string,
  first: ReadonlyMap<string, string>,
  signal: AbortSignal,
): AsyncGenerator<string[]> {
  let before = first;
  const reported = new Map(before);
  while (!signal.aborted) {
    await sleep(INTERVAL, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    const now = await states(folder);
    const settled = [...now].filter(
      ([file, state]) => before.get(file) === state && reported.get(file) !== state,
    );
    for (const [file, state] of settled) reported.set(file, state);
    for (const file of reported.keys()) if (!now.has(file)) reported.delete(file);
    before = now;
    if (settled.length > 0) yield settled.map(([file]) => file).sort();
  }
}

/** Size and date of every image. */
async function states(folder: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  // The folder may be moved away for a moment.
  const names = await walkFolder(folder).catch(() => []);
  for (const name of names.filter(hasImageExtension)) {
    const file = join(folder, name);
    const state = await stat(file).catch(() => undefined);
    if (state) found.set(file, `${state.size} ${state.mtimeMs}`);
  }
  return found;
}
