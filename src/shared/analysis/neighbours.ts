/** Nearest neighbours: how well an image's class follows from the images most like it. */

import { spreadRows } from '../dataset/row-numbers.ts';
import type { ProbeData } from './probe.ts';

/** Neighbours that vote. */
const NEIGHBOURS = 5;
/** Rows that are predicted, and rows that are looked among: beyond these the share hardly changes. */
const MAX_QUERIES = 1000;
const MAX_REFERENCES = 4000;

/**
 * Votes of the five nearest other rows (by Euclidean distance), as shares: [queries, classes], with the rows that were
 * that are looked up, spread evenly over all.
 */
export function neighbourVotes({ coordinates, targets, rows, width, classes }: ProbeData): {
  votes: Float32Array;
  queries: Int32Array;
} {
  const queries = spreadRows(rows, MAX_QUERIES);
  const references = spreadRows(rows, MAX_REFERENCES);
  const votes = new Float32Array(queries.length * classes);
  for (const [index, query] of queries.entries()) {
    const nearest: { row: number; distance: number }[] = [];
    for (const row of references) {
      if (row === query) continue;
      let distance = 0;
      for (let i = 0; i < width; i++)
        distance += (coordinates[row * width + i] - coordinates[query * width + i]) ** 2;
      if (nearest.length === NEIGHBOURS && distance >= nearest[NEIGHBOURS - 1].distance) continue;
      if (nearest.length === NEIGHBOURS) nearest.pop();
      const place = nearest.findLastIndex((other) => other.distance <= distance) + 1;
      nearest.splice(place, 0, { row, distance });
    }
    for (const { row } of nearest)
      for (let label = 0; label < classes; label++)
        votes[index * classes + label] += targets[row * classes + label] / nearest.length;
  }
  return { votes, queries };
}
