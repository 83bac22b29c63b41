/** No suite is left out: what is a test is run by a step of CI. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { globSync } from 'tinyglobby';
import { expect, it } from 'vitest';
import { SUITES } from '../../vitest.config.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string) => readFileSync(`${ROOT}${path}`, 'utf8');

/** The projects that a step of CI runs. */
function projectsOfCi(): string[] {
  const scripts: Record<string, string> = JSON.parse(read('package.json')).scripts;
  const steps = Array.from(read('.ci/run').matchAll(/^step npm (?:run )?(test\S*)/gm), ([, name]) => name);
  return steps.map((name) => /vitest run --project (\S+)$/.exec(scripts[name])?.[1] ?? `none: ${name}`);
}

it('runs every file with tests in some step of CI, and every project of vitest', () => {
  const projects = projectsOfCi();
  expect([...projects].sort()).toEqual(Object.keys(SUITES).sort());
  const run = new Set(
    globSync(
      Object.values(SUITES).flatMap(({ include }) => include),
      { cwd: ROOT },
    ),
  );
  const hasTests = (path: string) =>
    /^(it|test|describe)\b/m.test(read(path)) || /\.(test|ci|slow|golden)\.ts$/.test(path);
  const orphans = globSync('tests/**/*.ts', { cwd: ROOT }).filter((path) => hasTests(path) && !run.has(path));
  expect(orphans).toEqual([]);
});
