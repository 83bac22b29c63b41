/** Feature sources: which stores and columns heads take their inputs from, and grids in which several compete. */
import { resolve } from 'node:path';
import type { ValueKind } from '../../shared/cli/values.ts';
import { usage } from '../../shared/errors.ts';
import type { HeadSource } from '../../shared/head/record.ts';
import type { Grid, HeadBlock } from '../search/grid.ts';

/** A source as it is asked for. */
export interface SourceRequest {
  /** Folders of stores, which are joined by image. */
  features: string[];
  /** Columns of every store; empty: avg, or the store's only column. */
  pooling: string[];
}

export type SourceKey = keyof SourceRequest;

/** What is joined by `+` in one value of a grid, and by commas after a flag. */
const joined: ValueKind<string[]> = {
  parse(text, where) {
    const names = text.split('+').map((name) => name.trim());
    if (names.includes('')) throw usage('names joined by +', where, text);
    return names;
  },
  format: (names) => names.join('+'),
};

/** Keys of a grid beside the options of heads. */
export const SOURCE_OPTIONS: { readonly [K in SourceKey]: ValueKind<SourceRequest[K]> } = {
  features: joined,
  pooling: joined,
};

export const SOURCE_KEYS = Object.keys(SOURCE_OPTIONS) as SourceKey[];

/** What a source is called on the leaderboard of a sweep that has several. */
export type SourceName = Readonly<Record<SourceKey, string>>;

/** @param sources of the request, as the stores have them */
export function sourceName({ features }: SourceRequest, sources: readonly HeadSource[]): SourceName {
  const columns = new Set(sources.flatMap((source) => source.columns));
  return { features: joined.format(features), pooling: joined.format([...columns]) };
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
        if (stores.length === 0) throw usage('a feature store', '--features', undefined);
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
