/** Which tests may notice a change of a source file. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { parseSync } from 'oxc-parser';
import { globSync } from 'tinyglobby';

/** What is changed, and the folders of the tests that have to notice. */
export const FOLDERS: Readonly<Record<string, readonly string[]>> = {
  'src/shared/dataset': ['tests/shared/dataset'],
  'src/train/search': ['tests/train/search'],
  'src/shared/search': ['tests/shared/search', 'tests/train/search'],
  'src/train/sweep': ['tests/train/sweep'],
  // What a stack of heads is made of: sweeps are its tests too.
  'src/shared/training': ['tests/shared/training', 'tests/train/sweep'],
  'src/shared/metrics': ['tests/shared/metrics'],
  'src/shared/calibration': ['tests/shared/calibration'],
  'src/shared/store': ['tests/shared/store'],
  'src/extract': ['tests/extract'],
};

/** Runs the built command, and so everything. */
const COMMAND = 'tests/support/command.ts';

/**
 * A function from a source to the tests of its folder that may notice a change of it: the closer a test is to it by
 * imports, the earlier it comes; those that run the built command come last.
 * @param root of the tree
 */
export function createTestFinder(root: string): (source: string) => string[] {
  const imports = new Map<string, string[]>();
  const importsOf = (file: string): string[] => {
    const known = imports.get(file) ?? readImports(root, file);
    imports.set(file, known);
    return known;
  };
  /** What a test loads, in the order of its distance. */
  const reachOf = (test: string): string[] => {
    const found = new Set([test]);
    // A set that grows while it is walked through.
    for (const file of found) for (const next of importsOf(file)) found.add(next);
    return [...found];
  };
  const distance = (reach: readonly string[], source: string): number => {
    if (reach.includes(source)) return reach.indexOf(source);
    return reach.includes(COMMAND) ? Number.MAX_SAFE_INTEGER : Number.POSITIVE_INFINITY;
  };
  return (source) => {
    const [, suites] = Object.entries(FOLDERS).find(([folder]) => source.startsWith(`${folder}/`)) ?? [];
    if (!suites)
      throw new Error(`Expected a source in ${Object.keys(FOLDERS).join(', ')} but received ${source}`);
    return globSync(
      suites.map((folder) => `${folder}/**/*.{test,ci}.ts`),
      { cwd: root },
    )
      .sort()
      .map((test) => ({ test, steps: distance(reachOf(test), source) }))
      .filter(({ steps }) => steps !== Number.POSITIVE_INFINITY)
      .sort((a, b) => a.steps - b.steps)
      .map(({ test }) => test);
  };
}

/** The files of the tree that a file imports, or takes of the build: as a thread, or to run in its own process. */
function readImports(root: string, file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  const { module } = parseSync(file, text);
  const named = [
    ...module.staticImports.map(({ moduleRequest }) => moduleRequest.value),
    ...module.staticExports.flatMap(({ entries }) =>
      entries.flatMap((entry) => entry.moduleRequest?.value ?? []),
    ),
    ...module.dynamicImports.map(({ moduleRequest }) =>
      text.slice(moduleRequest.start + 1, moduleRequest.end - 1),
    ),
  ];
  const built = [...text.matchAll(/\bmodule\('([^']+)\.js'\)|new URL\('[./]*\/dist\/([^']+)\.js'/g)];
  return named
    .filter((name) => name.startsWith('.'))
    .map((name) => relative(root, join(root, dirname(file), name)))
    .concat(built.map(([, own, ofTest]) => `src/${own ?? ofTest}.ts`))
    .filter((path) => path.endsWith('.ts') && existsSync(join(root, path)));
}
