/** Random search: heads drawn from a grid with ranges (Bergstra and Bengio 2012). */
import type { Task } from '../../shared/head/config.ts';
import type { HeadOptionKey, HeadRequest } from '../../shared/head/options.ts';
import { type Random, random } from '../../shared/random.ts';
import type { Candidate } from '../../shared/search/configurations.ts';
import type { HeadBlock } from '../options/grid.ts';
import { headIdentity, resolveCombination } from './grid.ts';
import { drawFrom, isRange } from './ranges.ts';
import type { SourcedBlock } from './sources.ts';

/** What `--random` draws from without a `--grid`: linear and hidden heads with usual rates and penalties. */
export const DEFAULT_SPACE: readonly HeadBlock[] = [
  {
    hidden: [[], [64], [256], [512]],
    dropout: [0, { from: 0.1, to: 0.7, scale: 'linear', numbers: 'real' }],
    l2: [0, { from: 1e-6, to: 1e-2, scale: 'log', numbers: 'real' }],
    lr: [{ from: 1e-4, to: 3e-2, scale: 'log', numbers: 'real' }],
  },
];

/** Draws that may repeat a head in a row before the grid counts as exhausted. */
const MAX_REPEATS = 1000;

/**
 * Draws different candidates: a block, then for each of its options one of the values, and where that is a range a number
 * of it. The heads of a smaller number are the first of a larger one.
 * @returns `count` heads, or fewer when the grid has no more
 * @throws UsageError naming a combination that cannot work
 */
export function drawHeads(
  base: Partial<HeadRequest>,
  blocks: readonly SourcedBlock[],
  task: Task,
  { count, seed }: { count: number; seed: number },
): Candidate[] {
  const stream = random(seed, 'random search');
  const heads = new Map<string, Candidate>();
  for (let repeats = 0; heads.size < count && repeats < MAX_REPEATS; ) {
    const { source, block } = blocks[stream.integer(blocks.length)];
    const combination = drawCombination(block, stream);
    const config = resolveCombination({ ...base, ...combination }, combination, task);
    const identity = `${source} ${headIdentity(config)}`;
    repeats = heads.has(identity) ? repeats + 1 : 0;
    heads.set(identity, { config, source });
  }
  return [...heads.values()];
}

function drawCombination(block: HeadBlock, stream: Random): Partial<HeadRequest> {
  return Object.fromEntries(
    (Object.keys(block) as HeadOptionKey[]).map((key) => {
      const values = block[key] ?? [];
      const value = values[stream.integer(values.length)];
      return [key, isRange(value) ? drawFrom(value, stream) : value];
    }),
  );
}
