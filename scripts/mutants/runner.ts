/**
 * A process that runs test files of the copy of the tree it stands in, as often as it is told to. A mutant that hangs
 * hangs this process, not the one that waits for it.
 */
import { createVitest } from 'vitest/node';
import type { RunRequest, RunResult } from './sandbox.ts';

const vitest = await createVitest('test', {
  root: process.cwd(),
  watch: false,
  bail: 1,
  maxWorkers: 1,
  reporters: [{}],
  project: ['unit', 'ci'],
  // The sandbox keeps the build up to date.
  globalSetup: [],
});
await vitest.standalone();

process.on('message', async ({ changed, test }: RunRequest) => {
  for (const file of changed) vitest.invalidateFile(file);
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications(
    vitest.getModuleSpecifications(test),
  );
  // Files of earlier runs are among the modules.
  const own = testModules.filter(({ moduleId }) => moduleId === test);
  const passed = own.length > 0 && own.every((module) => module.ok()) && unhandledErrors.length === 0;
  const errors = own
    .flatMap(({ children }) => [...children.allTests('failed')])
    .flatMap((failed) => failed.result().errors ?? []);
  const timedOut = errors.length > 0 && errors.every(({ message }) => / timed out in \d+ms/.test(message));
  answer({ passed, timedOut });
});
// It leads a group of its own: tests' workers and commands end with it.
process.on('disconnect', () => process.kill(-process.pid, 'SIGKILL'));
answer({ passed: true, timedOut: false });

function answer(result: RunResult): void {
  process.send?.(result);
}
