/** Iterative stratification: subsets in which every label keeps its share (Sechidis, Tsoumakas, Vlahavas 2011). */
import { type Random, shuffle } from '../random.ts';

/** What is assigned as a whole: an image with its copies and views. */
export interface StratifiedItem {
  /** Indices of its labels: one for multiclass data, any number for multi-label data. */
  labels: readonly number[];
  /** How many rows it stands for. */
  size: number;
}

/**
 * Assigns each item to a subset; on data with one label per item this is plain stratification.
 *
 * The rarest label goes first: each of its items joins the subset that still lacks most rows of the label, ties going
 * to the subset that lacks most rows at all. Three additions keep small data usable: labels with fewer items than
 * there are subsets go to subset 0 whole; the last items of a label go to subsets that have none of it; and subset 0, which
 * a head learns from, ends with at least one item of every label. Folds, none of which comes first, do without the
 * first and the last.
 * @param shares the subsets' shares of the rows, all above 0, adding up to 1
 * @returns the subset of each item
 */
export function stratify(
  items: readonly StratifiedItem[],
  labelCount: number,
  shares: readonly number[],
  stream: Random,
  { first = true }: { first?: boolean } = {},
): Int32Array {
  const subsets = new Int32Array(items.length).fill(-1);
  // Large items first, while there is still room to balance them.
  const order = shuffle(Int32Array.from(items.keys()), stream).sort((a, b) => items[b].size - items[a].size);
  const itemsOf: number[][] = Array.from({ length: labelCount }, () => []);
  const rowsOf = new Float64Array(labelCount);
  let rows = 0;
  for (const item of order) {
    const { labels, size } = items[item];
    rows += size;
    for (const label of labels) {
      itemsOf[label].push(item);
      rowsOf[label] += size;
    }
  }
  const left = Int32Array.from(itemsOf, (list) => list.length);
  const state = shares.map((share) => ({
    lacks: share * rows,
    lacksOf: rowsOf.map((count) => count * share),
    itemsOf: new Int32Array(labelCount),
  }));
  const assign = (item: number, subset: number) => {
    const { labels, size } = items[item];
    subsets[item] = subset;
    state[subset].lacks -= size;
    for (const label of labels) {
      left[label]--;
      state[subset].lacksOf[label] -= size;
      state[subset].itemsOf[label]++;
    }
  };
  const all = [...shares.keys()];
  const neediest = (among: readonly number[], label: number | null) =>
    among.reduce((best, subset) => {
      const byLabel = label === null ? 0 : state[subset].lacksOf[label] - state[best].lacksOf[label];
      return byLabel > 0 || (byLabel === 0 && state[subset].lacks > state[best].lacks) ? subset : best;
    });

  for (const list of first ? itemsOf : []) {
    if (list.length < shares.length) for (const item of list) if (subsets[item] === -1) assign(item, 0);
  }
  for (let label = rarest(left); label >= 0; label = rarest(left)) {
    for (const item of itemsOf[label]) {
      if (subsets[item] !== -1) continue;
      const without = all.filter((subset) => state[subset].itemsOf[label] === 0);
      assign(item, neediest(left[label] <= without.length ? without : all, label));
    }
  }
  for (const item of order) if (subsets[item] === -1) assign(item, neediest(all, null));
  for (const [label, list] of first ? itemsOf.entries() : []) {
    if (list.length > 0 && state[0].itemsOf[label] === 0) {
      // The smallest item comes last; its other labels only gain by the move.
      const moved = list[list.length - 1];
      for (const its of items[moved].labels) {
        state[subsets[moved]].itemsOf[its]--;
        state[0].itemsOf[its]++;
      }
      subsets[moved] = 0;
    }
  }
  return subsets;
}

/** The label with the fewest unassigned items, or -1 when all are assigned. */
function rarest(left: Int32Array): number {
  let best = -1;
  for (let label = 0; label < left.length; label++) {
    if (left[label] > 0 && (best < 0 || left[label] < left[best])) best = label;
  }
  return best;
}
