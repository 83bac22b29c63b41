/** Peak memory of a built command. Linux only: it is read from /proc. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

const PROGRAM = new URL('../dist/permafrost.js', import.meta.url).pathname;

/** Runs the command and returns its peak resident memory in bytes and its seconds. */
export function peakOf(args: readonly string[]): Promise<{ peak: number; seconds: number }> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
    let peak = 0;
    // VmHWM is the peak so far, so that none is missed between two looks but what comes after the last.
    const look = setInterval(() => {
      try {
        const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
        peak = Math.max(peak, 1024 * Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0));
      } catch {
        // It has just ended.
      }
    }, 50);
    child.on('close', (status) => {
      clearInterval(look);
      if (status === 0) resolve({ peak, seconds: (performance.now() - started) / 1000 });
      else reject(new Error(`${args[0]} ended with status ${status}`));
    });
  });
}
