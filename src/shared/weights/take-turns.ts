/** Of several processes that want the same file, one downloads it and the others wait for it. */
import { setTimeout as wait } from 'node:timers/promises';
import { isLocked, lockStore } from '../store/lock.ts';

/** Milliseconds between two looks at a download of another process. */
const PATIENCE = 300;

/**
 * Calls `fetch` while no other process does, unless `find` has what it brings by then.
 * @param lockFolder made if need be
 */
export async function takeTurns<T>(
  lockFolder: string,
  { find, fetch, signal }: { find(): Promise<T | undefined>; fetch(): Promise<T>; signal?: AbortSignal },
): Promise<T> {
  for (;;) {
    const found = await find();
    if (found !== undefined) return found;
    signal?.throwIfAborted();
    const lock = await lockStore(lockFolder).catch(async (thrown) => {
      if (await isLocked(lockFolder)) return undefined;
      throw thrown;
    });
    if (!lock) {
      await wait(PATIENCE, undefined, { signal });
      continue;
    }
    try {
      return (await find()) ?? (await fetch());
    } finally {
      await lock.release();
    }
  }
}
