/** Batches of activations in memory that the engine reads in place. */
import { ACTIVATION } from '../../shared/backbones/cut/split.ts';
import type { ActivationReader } from '../../shared/store/activations/reader.ts';
import { activationLength } from '../../shared/store/activations/request.ts';
import type { Allocate, ArenaArray } from '../../shared/training/arena.ts';
import { columnKey, type TailColumn } from '../../shared/training/tail-step.ts';

/** What a graph is fed of so many rows, by its inputs' names: the same arrays each time, which lets the engine reuse its tensors. */
export type BatchFeeds = Readonly<Record<string, Float32Array>>;

export interface BatchArrays {
  feeds(rows: number): BatchFeeds;
  /**
   * Reads rows of the cache into the first of the arrays for `size` rows; others keep what they have.
   * @param next rows that will be read next, for which the reader begins at once
   */
  read(reader: ActivationReader, rows: Int32Array, size: number, next?: Int32Array): Promise<void>;
}

interface Kind {
  key: string;
  column: string | undefined;
  length: number;
  array: ArenaArray;
}

/** @param maxRows of a batch */
export function batchKinds(
  allocate: Allocate,
  activations: Pick<ActivationReader, 'shape'>,
  columns: readonly TailColumn[],
  maxRows: number,
): Kind[] {
  const length = activationLength(activations);
  const activation = { key: ACTIVATION, column: undefined, length, array: allocate(maxRows * length) };
  return [
    activation,
    ...columns.map(({ name, dimension }) => ({
      key: columnKey(name),
      column: name,
      length: dimension,
      array: allocate(maxRows * dimension),
    })),
  ];
}

export function batchArrays(kinds: readonly Kind[]): BatchArrays {
  const prepared = new Map<number, BatchFeeds>();
  const feeds = (rows: number): BatchFeeds => {
    const existing = prepared.get(rows);
    if (existing) return existing;
    const created = Object.fromEntries(
      kinds.map(({ key, length, array }) => [key, array.view.subarray(0, rows * length)]),
    );
    prepared.set(rows, created);
    return created;
  };
  return {
    feeds,
    async read(reader, rows, size, next) {
      for (const { key, column, length } of kinds) {
        const into = feeds(size)[key].subarray(0, rows.length * length);
        if (column === undefined) await reader.read(rows, into, next);
        else await reader.column(column, rows, into);
      }
    },
  };
}
