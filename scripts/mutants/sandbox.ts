/** A copy of the tree in which one file at a time is changed and tested; the tree itself is never touched. */
import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { transformSync } from 'esbuild';

export interface RunRequest {
  /** Files whose text is another than before. */
  changed: string[];
  /** The test file, by its whole path. */
  test: string;
}

export interface RunResult {
  passed: boolean;
  /** It failed, and by nothing but vitest's own limits. */
  timedOut: boolean;
}

export type Outcome = 'passed' | 'failed' | 'timeout';

export interface Sandbox {
  /** Starts what runs tests, where a mutant has ended it. */
  start(): Promise<void>;
  /** Runs a test file, while a source file has another text. */
  run(test: string, limitMs: number, mutant?: { file: string; text: string }): Promise<Outcome>;
  close(): void;
}

/** @param root of the tree, built */
export async function createSandbox(root: string): Promise<Sandbox> {
  const folder = mkdtempSync(join(tmpdir(), 'permafrost-mutants-'));
  const tracked = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
  });
  for (const file of tracked.toString().split('\0').filter(Boolean))
    cpSync(join(root, file), join(folder, file), { force: true });
  cpSync(join(root, 'dist'), join(folder, 'dist'), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  let runner: ChildProcess | undefined;
  /** The files that had another text in the last run. */
  let restored: string[] = [];

  const end = (): void => {
    // Its tests' workers and commands too: it leads a group of its own.
    if (runner?.pid !== undefined && runner.exitCode === null) process.kill(-runner.pid, 'SIGKILL');
    runner = undefined;
  };
  const started = async (): Promise<ChildProcess> => {
    runner ??= await startRunner(folder);
    return runner;
  };
  const ask = async (request: RunRequest, limitMs: number): Promise<RunResult | null> => {
    const asked = await started();
    asked.send(request);
    return answerOf(asked, limitMs);
  };
  return {
    async start() {
      await started();
    },
    async run(test, limitMs, mutant) {
      const undo = mutant && place(folder, mutant.file, mutant.text);
      // Tests also load the build in their own process.
      const changed = mutant ? [join(folder, mutant.file), join(folder, builtFile(mutant.file))] : [];
      const stale = [...restored, ...changed];
      restored = changed;
      try {
        const result = await ask({ changed: stale, test: join(folder, test) }, limitMs);
        if (!result) end();
        if (!result || result.timedOut) return 'timeout';
        return result.passed ? 'passed' : 'failed';
      } finally {
        undo?.();
      }
    },
    close() {
      end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** What a source is compiled to. */
function builtFile(file: string): string {
  return file.replace(/^src/, 'dist').replace(/\.ts$/, '.js');
}

/** Puts a text into a source file and its compiled form into the build, which commands and workers run. */
function place(folder: string, file: string, text: string): () => void {
  const source = join(folder, file);
  const built = join(folder, builtFile(file));
  const before = [source, built].map((path) => [path, readFileSync(path)] as const);
  const { code } = transformSync(text, { loader: 'ts', format: 'esm', target: 'es2023' });
  writeFileSync(source, text);
  writeFileSync(built, code.replace(/((?:from|import)\s*\(?\s*")(\.[^"]*)\.ts"/g, '$1$2.js"'));
  return () => {
    for (const [path, content] of before) writeFileSync(path, content);
  };
}

async function startRunner(folder: string): Promise<ChildProcess> {
  const script = join(folder, 'scripts/mutants/runner.ts');
  mkdirSync(dirname(script), { recursive: true });
  const runner = fork(script, {
    cwd: folder,
    detached: true,
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  if (!(await answerOf(runner, 120_000))) throw new Error('The process that runs tests does not start');
  return runner;
}

/** What a process says next; null where it says nothing in time, or ends. */
function answerOf(runner: ChildProcess, limitMs: number): Promise<RunResult | null> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => answer(null), limitMs);
    const ended = () => answer(null);
    const answer = (result: RunResult | null) => {
      clearTimeout(timer);
      runner.off('message', answer);
      runner.off('exit', ended);
      resolve(result);
    };
    runner.on('message', answer);
    runner.on('exit', ended);
  });
}
