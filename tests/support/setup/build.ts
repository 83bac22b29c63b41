/** Builds permafrost before the tests when a source is newer than the build: tests run the built commands, workers and kernels. */
import { execSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
/** What the build reads. */
const SOURCES = ['package.json', 'tsconfig.json', 'tsconfig.build.json', 'asconfig.json', 'src'];
/** Written while the build reads its sources: one that changes after that is newer. */
const BUILT = 'dist/shared/report/page/main.js';

export default function setup(project: TestProject): void {
  buildIfStale(ROOT);
  // `vitest` that watches runs again after every change.
  project.onTestsRerun(() => buildIfStale(ROOT));
}

/** @param root of the package */
export function buildIfStale(root: string): void {
  const built = statSync(join(root, BUILT), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (newest(root) < built) return;
  process.stdout.write('Sources are newer than the build: npm run build\n');
  execSync('npm run build --silent', { cwd: root, stdio: 'inherit' });
}

/** When a source, or a folder of sources, changed last. */
function newest(root: string): number {
  const below = readdirSync(join(root, 'src'), { recursive: true }).map((name) => join('src', String(name)));
  return Math.max(
    ...[...SOURCES, ...below].map(
      (path) => statSync(join(root, path), { throwIfNoEntry: false })?.mtimeMs ?? 0,
    ),
  );
}
