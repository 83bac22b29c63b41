/** Commands whose output nobody reads, as behind `| head -1` once head has ended. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../../dist/permafrost.js', import.meta.url));

/** Which streams are closed; `both` is `2>&1 | head -1`. */
export const CLOSED = {
  stdout: ['stdout'],
  stderr: ['stderr'],
  both: ['stdout', 'stderr'],
} as const;
export type Closed = keyof typeof CLOSED;

/** What came on the streams that are read, and how the command ended. */
export function withClosedOutput(
  args: readonly string[],
  closed: Closed,
  { cwd }: { cwd?: string } = {},
): Promise<{ status: number | null; read: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [PROGRAM, ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let read = '';
    for (const name of CLOSED.both) {
      if (CLOSED[closed].some((stream) => stream === name)) child[name].destroy();
      else
        child[name].on('data', (chunk) => {
          read += chunk;
        });
    }
    child.on('close', (status) => resolve({ status, read }));
  });
}
