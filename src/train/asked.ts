/** The heads that a run is asked to train: one, a grid, or heads drawn at random; each with its seeds. */
import type { Task } from '../shared/head/config.ts';
import type { SourcedBlock } from './dataset/sources.ts';
import { expandGrid } from './grid.ts';
import { HEAD_OPTIONS, type HeadRequest } from './options.ts';
import { resolveConfig } from './resolve.ts';
import { type Candidate, withSeeds } from './search/configurations.ts';
import { DEFAULT_SPACE, drawHeads } from './search/random.ts';
import type { TrainOptions } from './train.ts';

/**
 * Every head that is to be trained, those of one source after those of another.
 * @param blocks of the grid, by their source
 * @throws UsageError naming the combination that cannot work
 */
export function askedHeads(
  { grid, head, seeds = 1, random }: Pick<TrainOptions, 'grid' | 'head' | 'seeds' | 'random'>,
  blocks: readonly SourcedBlock[],
  task: Task,
): Candidate[] {
  const { seed = 0 } = head;
  if (random !== undefined) {
    const space = grid ? blocks : DEFAULT_SPACE.map((block) => ({ source: 0, block }));
    return withSeeds(drawHeads(head, space, task, { count: random, seed }), seeds);
  }
  if (!grid) return withSeeds([{ config: resolveConfig(head, task), source: 0 }], seeds);
  const candidates = [...new Set(blocks.map(({ source }) => source))].flatMap((source) => {
    const own = blocks.filter((block) => block.source === source).map(({ block }) => block);
    return expandGrid(head, own, task).map((config) => ({ config, source }));
  });
  return withSeeds(candidates, seeds);
}

/** Matrices that are in memory for each source: one for every input normalisation that a head may ask for. */
export function matricesAsked(
  { normalize = HEAD_OPTIONS.normalize.initial }: Partial<HeadRequest>,
  blocks: readonly SourcedBlock[],
): number {
  return new Set(blocks.flatMap(({ block }) => block.normalize ?? [normalize])).size;
}
