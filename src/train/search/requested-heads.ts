/** The heads of a sweep: one, a grid, or heads drawn at random; each with its seeds. */

import type { FeatureSet } from '../../shared/dataset/table.ts';
import { usage } from '../../shared/errors.ts';
import { elementCount } from '../../shared/graph/value.ts';
import type { Task } from '../../shared/head/config.ts';
import { headLayers, headParameters } from '../../shared/head/layers.ts';
import { formatOption } from '../../shared/head/options.ts';
import { resolveConfig } from '../../shared/head/resolve.ts';
import { type Candidate, type Configuration, withSeeds } from '../../shared/search/configurations.ts';
import type { TrainOptions } from '../options/train-options.ts';
import { expandGrid, MAX_HEADS } from './grid.ts';
import { DEFAULT_SPACE, drawHeads } from './random.ts';
import type { SourcedBlock } from './sources.ts';

/**
 * Every head that is to be trained, those of one source after those of another.
 * @param blocks of the grid, by their source
 * @throws UsageError naming the combination that cannot work
 */
export function requestedHeads(
  { grid, head, seeds = 1, random }: Pick<TrainOptions, 'grid' | 'head' | 'seeds' | 'random'>,
  blocks: readonly SourcedBlock[],
  task: Task,
): Candidate[] {
  const candidates = oneSeedHeads({ grid, head, random }, blocks, task);
  if (candidates.length * seeds > MAX_HEADS)
    throw usage(`at most ${MAX_HEADS} heads`, `--seeds ${seeds}`, candidates.length * seeds);
  return withSeeds(candidates, seeds);
}

/** Before each is trained with several seeds. */
function oneSeedHeads(
  { grid, head, random }: Pick<TrainOptions, 'grid' | 'head' | 'random'>,
  blocks: readonly SourcedBlock[],
  task: Task,
): Candidate[] {
  if (random !== undefined) {
    const space = grid ? blocks : DEFAULT_SPACE.map((block) => ({ source: 0, block }));
    return drawHeads(head, space, task, { count: random, seed: head.seed ?? 0 });
  }
  if (!grid) return [{ config: resolveConfig(head, task), source: 0 }];
  return [...new Set(blocks.map(({ source }) => source))].flatMap((source) => {
    const own = blocks.filter((block) => block.source === source).map(({ block }) => block);
    return expandGrid(head, own, task).map((config) => ({ config, source }));
  });
}

/** Weights of one head: with gradients and an optimizer's moments more would not fit into a worker's 4 GB. */
const MAX_WEIGHTS = 2 ** 27;

/** @throws UsageError for a head that no memory holds */
export function refuseHuge(
  configurations: readonly Configuration[],
  sets: readonly Pick<FeatureSet, 'inputs'>[],
  classes: number,
): void {
  for (const { config, source } of configurations) {
    const shapes = headParameters(headLayers(config, sets[source].inputs, classes));
    const weights = shapes.reduce((sum, { shape }) => sum + elementCount(shape), 0);
    if (weights > MAX_WEIGHTS)
      throw usage(
        `a head of at most ${MAX_WEIGHTS} weights`,
        `--hidden ${formatOption('hidden', config)}`,
        weights,
      );
  }
}
