/** Which tests may notice a change of a source file. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { parseSync } from 'oxc-parser';
import { globSync } from 'tinyglobby';

/** What is changed; the tests that have to notice lie in the folder of the same name below tests. */
export const FOLDERS = [
  'src/shared/dataset',
  'src/train/search',
  'src/train/sweep',
  'src/shared/metrics',
  'src/shared/calibration',
  'src/shared/store',
  'src/extract',
] as const;

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
    const folder = FOLDERS.find((one) => source.startsWith(`${one}/`));
    if (!folder) throw new Error(`Expected a source in ${FOLDERS.join(', ')} but received ${source}`);
    return globSync(`${folder.replace(/^src/, 'tests')}/**/*.{test,ci}.ts`, { cwd: root })
      .sort()
      .map((test) => ({ test, steps: distance(reachOf(test), source) }))
      .filter(({ steps }) => steps !== Number.POSITIVE_INFINITY)
      .sort((a, b) => a.steps - b.steps)
      .map(({ test }) => test);
  };
}

/** The files of the tree that a file imports, or starts as a thread. */
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
    ...(/new URL\([^)]*\bworker\b/.test(text) ? ['./worker.ts'] : []),
  ];
  return named
    .filter((name) => name.startsWith('.'))
    .map((name) => relative(root, join(root, dirname(file), name)))
    .filter((path) => path.endsWith('.ts') && existsSync(join(root, path)));
}
