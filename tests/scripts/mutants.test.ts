/** Deliberate bugs: which are made of a text, and which are in a sample. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { applyChange, changesOf } from '../../scripts/mutants/operators.ts';
import { sampleMutants } from '../../scripts/mutants/plan.ts';
import { createTestFinder } from '../../scripts/mutants/tests.ts';
import { newFolder } from '../support/folders.ts';

/** Every text that one change makes of another. */
const mutantsOf = (source: string) => changesOf('x.ts', source).map((change) => applyChange(source, change));

describe('changes', () => {
  it.each<[string, string[]]>([
    ['a < b', ['a <= b', 'a >= b']],
    ['a === b', ['a !== b']],
    ['(a) && b', ['(a) || b']],
    ['a + b', ['a - b']],
    ["a + 'text'", []],
    ['a += b', ['a -= b']],
    ['-a', ['a']],
    ['!a', ['a']],
    ['a ? b : c', ['!(a) ? b : c']],
    ['list.filter(f)', ['list']],
    ['list.some(f)', ['list.every(f)']],
    ['true', ['false']],
    ['[1, 7]', ['[0, 7]', '[1, 8]']],
    ['a as 1 | 2', []],
  ])('of %s', (expression, expected) => {
    expect(mutantsOf(`const x = ${expression};`)).toEqual(expected.map((one) => `const x = ${one};`));
  });

  it('leave out statements, and what is returned', () => {
    expect(mutantsOf('f();')).toEqual([';']);
    expect(mutantsOf('if (a) throw e;')).toEqual(['if (!(a)) throw e;', 'if (a) ;']);
    expect(mutantsOf('const f = (a: 1) => a;')).toEqual(['const f = (a: 1) => undefined;']);
    expect(mutantsOf('function f() { return a; }')).toEqual(['function f() { return undefined; }']);
    expect(mutantsOf('for (const a of b) continue;')).toEqual(['for (const a of b) ;']);
    // What is there already is no change.
    expect(mutantsOf('function f() { return undefined; }')).toEqual([]);
    // Backwards it would only hang.
    expect(mutantsOf('for (let i = a; f; i++);')).toEqual([]);
  });
});

/** A tree with some sources of metrics and their tests. */
function treeOf(files: Readonly<Record<string, string>>): string {
  const root = newFolder();
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

const SOURCE = Array.from({ length: 30 }, (_, i) => `export const v${i} = a${i} < b${i};`).join('\n');

it('a sample is the same for a seed, has the smaller ones in it and stays when another line changes', () => {
  const sampled = (text: string, seed: number, count: number) =>
    sampleMutants(treeOf({ 'src/shared/metrics/a.ts': text }), { seed, count }).map(({ id }) => id);
  const sample = sampled(SOURCE, 1, 20);
  expect(sample).toHaveLength(20);
  expect(new Set(sample).size).toBe(20);
  expect(sampled(SOURCE, 1, 20)).toEqual(sample);
  expect(sampled(SOURCE, 1, 7)).toEqual(sample.slice(0, 7));
  expect(sampled(SOURCE, 2, 20)).not.toEqual(sample);
  const longer = sampled(`export const first = 3;\n${SOURCE}`, 1, 21);
  expect(sample.filter((id) => longer.includes(id)).length).toBeGreaterThanOrEqual(19);
});

it('the tests of a source are those of its folder that load it, the closest first, then those that run the command', () => {
  const testsOf = createTestFinder(
    treeOf({
      'src/shared/metrics/a.ts': 'export const a = 1;',
      'src/shared/metrics/b.ts': "export { a } from './a.ts';",
      'tests/support/command.ts': '',
      'tests/shared/metrics/far.test.ts': "import '../../../src/shared/metrics/b.ts';",
      'tests/shared/metrics/near.test.ts': "import '../../../src/shared/metrics/a.ts';",
      'tests/shared/metrics/run.ci.ts': "import '../../support/command.ts';",
      'tests/shared/metrics/built.test.ts': "new URL('../../../dist/shared/metrics/b.js', import.meta.url);",
      'src/shared/metrics/start.ts': "builtFiles.module('shared/metrics/a.js');",
      'tests/shared/metrics/thread.test.ts': "import '../../../src/shared/metrics/start.ts';",
      'tests/shared/metrics/other.test.ts': '',
    }),
  );
  const tests = ['near', 'built', 'far', 'thread'].map((name) => `${name}.test.ts`).concat('run.ci.ts');
  expect(testsOf('src/shared/metrics/a.ts')).toEqual(tests.map((name) => `tests/shared/metrics/${name}`));
});
