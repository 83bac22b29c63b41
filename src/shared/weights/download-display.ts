/** How a download is shown while it runs, over all its attempts. */
import type { Progress, Reporter } from '../reporter.ts';

export interface Display {
  start(from: number, total: number | undefined): void;
  advance(bytes: number): void;
  stop(): void;
}

const MEGABYTE = 1e6;

/** A progress display over all attempts, in whole megabytes. */
export function display(reporter: Reporter, path: string): Display {
  let progress: Progress | undefined;
  let bytes = 0;
  let shown = 0;
  const show = (): void => {
    const whole = Math.floor(bytes / MEGABYTE);
    if (whole > shown) progress?.advance(whole - shown);
    shown = Math.max(shown, whole);
  };
  return {
    start(from, total) {
      progress ??= reporter.progress(path, 'MB', Math.floor((total ?? 0) / MEGABYTE));
      bytes = from;
      show();
    },
    advance(count) {
      bytes += count;
      show();
    },
    stop: () => progress?.stop(),
  };
}
