/** The built command, run in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../dist/permafrost.js', import.meta.url));

export interface Outcome {
  status: number | null;
  stdout: string;
  stderr: string;
  /** The last line of stdout, where that is a JSON object. */
  summary: Record<string, unknown>;
}

/** Called with all that was written so far, each time more is. */
type Watch = (written: string, child: ChildProcess) => void;

export function permafrost(
  args: string[],
  {
    cwd,
    program = PROGRAM,
    onStdout,
    onStderr,
  }: { cwd?: string; program?: string; onStdout?: Watch; onStderr?: Watch } = {},
): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [program, ...args], { cwd });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
      onStdout?.(stdout, child);
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
      onStderr?.(stderr, child);
    });
    child.on('close', (status) => {
      const last = stdout.trimEnd().split('\n').at(-1)!;
      resolve({ status, stdout, stderr, summary: last.startsWith('{') ? JSON.parse(last) : {} });
    });
  });
}

/** How a stack trace looks; no user may ever see one. */
export const STACK_TRACE = /\n\s+at /;
