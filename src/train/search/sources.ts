/** Feature sources: which stores and columns heads take their inputs from, and grids in which several compete. */
import { resolve } from 'node:path';
import { SOURCE_OPTIONS, type SourceName, type SourceRequest } from '../../shared/dataset/source-options.ts';
import { UsageError, usage } from '../../shared/errors.ts';
import { HEAD_OPTIONS, type HeadRequest } from '../../shared/head/options.ts';
import type { HeadSource } from '../../shared/head/record.ts';
import type { Grid, HeadBlock } from '../options/grid.ts';

/** Columns as they were requested, `last` or `depths` say. @param sources of the request, as the stores have them */
export function sourceName({ features, pooling }: SourceRequest, sources: readonly HeadSource[]): SourceName {
  const columns = new Set(sources.flatMap((source) => source.columns));
  return {
    features: SOURCE_OPTIONS.features.format(features),
    pooling: SOURCE_OPTIONS.pooling.format(pooling.length > 0 ? pooling : [...columns]),
  };
}

/** Values of head options, and which source the heads take. */
export interface SourcedBlock {
  source: number;
  block: HeadBlock;
}

/**
 * Divides a grid by its `features` and `pooling`: every block once for each source it names.
 * @param fallback for blocks that do not name theirs
 * @returns the different sources in the order in which they first occur, and the blocks
 * @throws UsageError when a block has no store, or names a store or a column twice
 */
export function splitBySource(
  grid: Grid,
  fallback: SourceRequest,
): { sources: SourceRequest[]; blocks: SourcedBlock[] } {
  const sources: SourceRequest[] = [];
  const indices = new Map<string, number>();
  const blocks = grid.flatMap(({ features = [fallback.features], pooling = [fallback.pooling], ...block }) =>
    features.flatMap((stores) =>
      pooling.map((columns): SourcedBlock => {
        if (stores.length === 0)
          throw new UsageError('Missing --features: a feature store that permafrost extract wrote');
        const folders = stores.map((dir) => resolve(dir));
        checkDistinct(folders, 'each store once', '--features', stores);
        checkDistinct(columns, 'each column once', '--pooling', columns);
        const identity = JSON.stringify([folders, columns]);
        const source = indices.get(identity) ?? sources.length;
        if (source === sources.length) sources.push({ features: stores, pooling: columns });
        indices.set(identity, source);
        return { source, block };
      }),
    ),
  );
  return { sources, blocks };
}

function checkDistinct(
  names: readonly string[],
  what: string,
  where: string,
  received: readonly string[],
): void {
  if (new Set(names).size < names.length) throw usage(what, where, received);
}

/** Input normalisations that heads may ask for: each source has a matrix for every one. */
export function normalizationCount(
  blocks: readonly SourcedBlock[],
  { normalize = HEAD_OPTIONS.normalize.default }: Partial<HeadRequest>,
): number {
  return new Set(blocks.flatMap(({ block }) => block.normalize ?? [normalize])).size;
}
