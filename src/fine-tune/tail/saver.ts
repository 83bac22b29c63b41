/** When a training under way is saved. */
import { performance } from 'node:perf_hooks';
import type { TailCheckpoint } from './messages.ts';
import { type SavedTail, tailStates } from './saved-state.ts';
import type { TailJob } from './train-tail.ts';

/** Seconds between two savings at least. */
const LEAST_SECONDS = 20;
/** Saving takes this share of the time at most. */
const SHARE = 0.02;

/** Saves the training of one job, and finds what was saved of it. */
export function tailSaver({ folder, seconds }: TailCheckpoint, { id, config }: TailJob) {
  const states = tailStates(folder);
  let due = performance.now() + 1000 * (seconds ?? LEAST_SECONDS);
  const save = (saved: SavedTail): void => {
    const began = performance.now();
    states.save(id, config, saved);
    const ended = performance.now();
    due =
      ended +
      (seconds === undefined ? Math.max(1000 * LEAST_SECONDS, (ended - began) / SHARE) : 1000 * seconds);
  };
  return {
    saved: states.load(id, config),
    save,
    async saveIfDue(current: () => Promise<SavedTail>): Promise<void> {
      if (performance.now() >= due) save(await current());
    },
  };
}
