/** What a sweep shows while it runs: on a terminal the best heads so far, redrawn; elsewhere progress lines. */
import { createLogUpdate } from 'log-update';
import type { MetricName } from '../head/config.ts';
import { counted } from '../plural.ts';
import { duration, type Progress, type Reporter } from '../reporter.ts';
import type { HeadResult } from '../training/result.ts';
import { leaderboardTable } from './tables.ts';

export interface LiveView {
  /** An epoch of so many heads has been trained. */
  epochs(count: number): void;
  /** A head is done. @param line its configuration's line so far @param skipped epochs the head did not need */
  finished(line: HeadResult, skipped: number): void;
  stop(): void;
}

/** Milliseconds between two drawings. */
const REDRAW_MS = 250;
/** Heads listed while the sweep runs. */
const LIVE_TOP = 8;

/**
 * @param metric the validation metric that ranks heads
 * @param heads heads in the sweep
 * @param epochs epochs of all heads together, at most
 */
export function liveView(
  { metric, heads, epochs }: { metric: MetricName; heads: number; epochs: number },
  reporter: Reporter,
): LiveView {
  const terminal = reporter.terminal;
  return terminal
    ? redrawn(terminal, metric, heads, epochs)
    : plain(reporter.progress('training', 'epochs', epochs));
}

function plain(progress: Progress): LiveView {
  return {
    epochs: (count) => progress.advance(count),
    finished: (_, skipped) => progress.advance(skipped),
    stop: () => progress.stop(),
  };
}

function redrawn(stream: NodeJS.WriteStream, metric: MetricName, heads: number, epochs: number): LiveView {
  const update = createLogUpdate(stream);
  const started = performance.now();
  const lines = new Map<string, HeadResult>();
  let trained = 0;
  let drawn = 0;
  let done = 0;
  const draw = () => {
    drawn = performance.now();
    const elapsed = (drawn - started) / 1000;
    const left = done > 0 ? `, ${duration((elapsed / done) * (epochs - done))} left` : '';
    const table =
      lines.size > 0
        ? leaderboardTable([...lines.values()], { metric, top: LIVE_TOP, width: stream.columns ?? 100 })
        : '';
    update(
      `${table}\n${trained} of ${counted(heads, 'head')}, ${((100 * done) / epochs).toFixed(0)} %${left}`,
    );
  };
  const drawSoon = () => {
    if (performance.now() - drawn >= REDRAW_MS) draw();
  };
  return {
    epochs(count) {
      done += count;
      drawSoon();
    },
    finished(line, skipped) {
      lines.set(line.id, line);
      trained++;
      done += skipped;
      drawSoon();
    },
    stop: () => update.clear(),
  };
}
