/** What the user sees while a command works: messages and progress, always on stderr. */
import { SingleBar } from 'cli-progress';
import { counted } from '../plural.ts';
import { duration, type Progress, type Reporter } from '../reporter.ts';

/** A reporter that can say again at the end what went by on the way. */
export interface TerminalReporter extends Reporter {
  /** Repeats the warnings, each once, unless they are the last lines anyway. */
  repeatWarnings(): void;
}

/** Warnings that are repeated; of more, only the number. */
const MAX_REPEATED = 5;

/** Messages to stderr; a bar with rate and time left on a terminal, a plain line every few seconds otherwise. */
export function terminalReporter(stream: NodeJS.WriteStream = process.stderr): TerminalReporter {
  const warnings = new Set<string>();
  /** Whether something else was said after a warning. */
  let areBuried = false;
  const write = (text: string): void => {
    areBuried ||= warnings.size > 0;
    stream.write(`${text}\n`);
  };
  return {
    info: write,
    warn(message) {
      stream.write(`warning: ${message}\n`);
      warnings.add(message);
    },
    progress(label, unit, total) {
      const display = stream.isTTY ? bar(stream, label, unit, total) : lines(stream, label, unit, total);
      const stop = (): void => {
        areBuried ||= warnings.size > 0;
        display.stop();
      };
      return { advance: display.advance, stop };
    },
    repeatWarnings() {
      if (!areBuried) return;
      const others = warnings.size - MAX_REPEATED;
      const more = others > 0 ? [`and ${others} more, see above`] : [];
      const list = [...[...warnings].slice(0, MAX_REPEATED), ...more].map((line) => `  ${line}\n`);
      stream.write(`${counted(warnings.size, 'warning')}:\n${list.join('')}`);
    },
    ...(stream.isTTY && { terminal: stream }),
  };
}

function bar(stream: NodeJS.WriteStream, label: string, unit: string, total: number): Progress {
  const started = performance.now();
  let done = 0;
  const display = new SingleBar({
    stream,
    hideCursor: true,
    clearOnComplete: false,
    format: `${label} [{bar}] {percentage}% | {value}/{total} ${unit} | {rate}/s | {left} left`,
  });
  const payload = () => ({ rate: rate(done, started), left: timeLeft(done, total, started) });
  display.start(total, 0, payload());
  return {
    advance(count) {
      done += count;
      display.update(done, payload());
    },
    stop: () => display.stop(),
  };
}

/** Seconds between two plain progress lines. */
const LINE_INTERVAL_S = 5;

function lines(stream: NodeJS.WriteStream, label: string, unit: string, total: number): Progress {
  const started = performance.now();
  let done = 0;
  let lastLine = started;
  let printed = -1;
  const print = () => {
    printed = done;
    const left = done < total ? `, ${timeLeft(done, total, started)} left` : '';
    stream.write(`${label}: ${done}/${total} ${unit}, ${rate(done, started)}/s${left}\n`);
  };
  return {
    advance(count) {
      done += count;
      if (performance.now() - lastLine < LINE_INTERVAL_S * 1000) return;
      lastLine = performance.now();
      print();
    },
    stop() {
      if (printed !== done) print();
    },
  };
}

function rate(done: number, startedMs: number): string {
  const perSecond = done / Math.max(1e-3, (performance.now() - startedMs) / 1000);
  return perSecond >= 10 ? perSecond.toFixed(0) : perSecond.toFixed(1);
}

function timeLeft(done: number, total: number, startedMs: number): string {
  if (done === 0) return '?';
  return duration(((performance.now() - startedMs) / 1000 / done) * (total - done));
}
