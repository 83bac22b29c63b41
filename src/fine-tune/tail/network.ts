/** The end of a backbone as tails are trained from it: plain data, which other threads can be sent. */
import type { CutBackbone } from '../../shared/backbones/cut/load.ts';
import type { Graph } from '../../shared/graph/value.ts';
import type { Head } from '../../shared/head/record.ts';
import type { TailColumn } from '../../shared/training/tail-step.ts';

export type TailNetwork = Pick<
  CutBackbone,
  'tail' | 'trainingTail' | 'weights' | 'frontColumns' | 'tailColumns'
>;

/** The columns that a head reads, in its order. */
export function headColumns({ frontColumns, tailColumns }: TailNetwork, { record }: Head): TailColumn[] {
  const known = [...frontColumns, ...tailColumns];
  return record.sources.flatMap(({ columns }) =>
    columns.map((name) => {
      const column = known.find((one) => one.name === name);
      if (!column) throw new Error(`The network has no ${name}`);
      return column;
    }),
  );
}

/** The network without what training does not need. */
export function sendableNetwork(network: TailNetwork): TailNetwork {
  const { tail, trainingTail, weights, frontColumns, tailColumns } = network;
  return { tail: sendable(tail), trainingTail: sendable(trainingTail), weights, frontColumns, tailColumns };
}

/**
 * A graph whose values come first: copied to another thread in the order of their fields, each value is there before those that
 * read it, and no chain of them is as deep as the network.
 */
function sendable({ values, inputs, outputs }: Graph): Graph {
  return { values, inputs, outputs };
}
