/** No suite is left out: what is a test is run by a step of CI. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { globSync } from 'tinyglobby';
import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string) => readFileSync(`${ROOT}${path}`, 'utf8');

/** The patterns of the files that a step of CI runs, by npm's name for it. */
async function suitesOfCi(): Promise<Map<string, string[]>> {
  const scripts: Record<string, string> = JSON.parse(read('package.json')).scripts;
  const steps = Array.from(read('.ci/run').matchAll(/^step npm (?:run )?(test\S*)/gm), ([, name]) => name);
  const suites = steps.map(async (name): Promise<[string, string[]]> => {
    const [, config = 'vitest.config.ts'] = /vitest run(?: --config (\S+))?/.exec(scripts[name]) ?? [];
    const { default: loaded } = await import(`${ROOT}${config}`);
    return [name, loaded.test.include];
  });
  return new Map(await Promise.all(suites));
}

it('runs every file with tests in some step of CI, and every configuration of vitest', async () => {
  const suites = await suitesOfCi();
  expect([...suites.keys()]).toEqual(expect.arrayContaining(['test', 'test:ci', 'test:slow', 'test:golden']));
  const run = new Set([...suites.values()].flatMap((include) => globSync(include, { cwd: ROOT })));
  const hasTests = (path: string) =>
    /^(it|test|describe)\b/m.test(read(path)) || /\.(test|ci|slow|golden)\.ts$/.test(path);
  const orphans = globSync('tests/**/*.ts', { cwd: ROOT }).filter((path) => hasTests(path) && !run.has(path));
  expect(orphans).toEqual([]);
  const configs = globSync('vitest*.config.ts', { cwd: ROOT });
  expect(suites.size).toBe(configs.length);
});
