/** A seeded sample of deliberate bugs. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { globSync } from 'tinyglobby';
import { type Change, changesOf } from './operators.ts';
import { FOLDERS } from './tests.ts';

export interface Mutant extends Change {
  /** The same as long as the line it is on stays as it is. */
  id: string;
  file: string;
  folder: string;
  /** Counted from 1. */
  line: number;
}

/**
 * The first `count` of all mutants, in an order that follows from the seed and the text of each alone: a larger sample
 * has the smaller one in it, and a change of the tree leaves the rest of the sample as it was.
 * @param only a folder or a file that the sample is taken from
 */
export function sampleMutants(
  root: string,
  { seed, count, only = '' }: { seed: number; count: number; only?: string },
): Mutant[] {
  const all = Object.keys(FOLDERS).flatMap((folder) =>
    // Kernels are another language, which is compiled as a whole.
    globSync(`${folder}/**/*.ts`, { cwd: root, ignore: '**/kernels/**' })
      .filter((file) => file.startsWith(only))
      .sort()
      .flatMap((file) => mutantsOf(root, folder, file)),
  );
  const rank = new Map(all.map(({ id }) => [id, digest([seed, id])]));
  return all.sort((a, b) => (rank.get(a.id)! < rank.get(b.id)! ? -1 : 1)).slice(0, count);
}

function mutantsOf(root: string, folder: string, file: string): Mutant[] {
  const source = readFileSync(join(root, file), 'utf8');
  const seen = new Map<string, number>();
  return changesOf(file, source).map((change) => {
    const { operator, start, end, replacement } = change;
    const from = source.lastIndexOf('\n', start - 1) + 1;
    const text = source.slice(from, (source.indexOf('\n', end) + 1 || source.length + 1) - 1);
    const key = digest([file, operator, text, source.slice(start, end), replacement]);
    const before = seen.get(key) ?? 0;
    seen.set(key, before + 1);
    return {
      ...change,
      id: `${key}-${before}`,
      file,
      folder,
      line: source.slice(0, start).split('\n').length,
    };
  });
}

function digest(parts: unknown): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}
