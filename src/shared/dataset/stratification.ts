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
  // Large items first, while there is still room to balance them.
  const order = shuffle(Int32Array.from(items.keys()), stream).sort((a, b) => items[b].size - items[a].size);
  const itemsOf: number[][] = Array.from({ length: labelCount }, () => []);
  for (const item of order) for (const label of items[item].labels) itemsOf[label].push(item);
  const state = createSubsets(items, itemsOf, shares);
  const { subsetOf, assign, neediest } = state;
  const all = [...shares.keys()];

  for (const list of first ? itemsOf : []) {
    if (list.length < shares.length) for (const item of list) if (subsetOf[item] === -1) assign(item, 0);
  }
  for (let label = rarest(state.unassigned); label >= 0; label = rarest(state.unassigned)) {
    for (const item of itemsOf[label]) {
      if (subsetOf[item] !== -1) continue;
      const without = all.filter((subset) => !state.has(subset, label));
      assign(item, neediest(state.unassigned[label] <= without.length ? without : all, label));
    }
  }
  for (const item of order) if (subsetOf[item] === -1) assign(item, neediest(all, null));
  for (const [label, list] of first ? itemsOf.entries() : []) {
    // The smallest item comes last; its other labels only gain by the move.
    if (list.length > 0 && !state.has(0, label)) state.moveToFirst(list[list.length - 1]);
  }
  return subsetOf;
}

/** Subsets that are being filled: what each has, and what it lacks of its share. */
function createSubsets(
  items: readonly StratifiedItem[],
  itemsOf: readonly (readonly number[])[],
  shares: readonly number[],
) {
  const subsetOf = new Int32Array(items.length).fill(-1);
  const unassigned = Int32Array.from(itemsOf, (list) => list.length);
  const sizeOf = (list: readonly number[]) => list.reduce((sum, item) => sum + items[item].size, 0);
  const rows = items.reduce((sum, { size }) => sum + size, 0);
  const rowsOf = Float64Array.from(itemsOf, sizeOf);
  const subsets = shares.map((share) => ({
    lacks: share * rows,
    lacksOf: rowsOf.map((count) => count * share),
    itemsOf: new Int32Array(itemsOf.length),
  }));
  return {
    /** The subset of each item, or -1. */
    subsetOf,
    /** Items of each label that have no subset yet. */
    unassigned,
    has: (subset: number, label: number): boolean => subsets[subset].itemsOf[label] > 0,
    /** The subset, of those `among`, that lacks most rows of the label, then most rows at all. */
    neediest: (among: readonly number[], label: number | null): number =>
      among.reduce((best, subset) => {
        const byLabel = label === null ? 0 : subsets[subset].lacksOf[label] - subsets[best].lacksOf[label];
        return byLabel > 0 || (byLabel === 0 && subsets[subset].lacks > subsets[best].lacks) ? subset : best;
      }),
    assign(item: number, subset: number): void {
      const { labels, size } = items[item];
      subsetOf[item] = subset;
      subsets[subset].lacks -= size;
      for (const label of labels) {
        unassigned[label]--;
        subsets[subset].lacksOf[label] -= size;
        subsets[subset].itemsOf[label]++;
      }
    },
    /** Moves an assigned item to subset 0, whatever that lacks. */
    moveToFirst(item: number): void {
      for (const label of items[item].labels) {
        subsets[subsetOf[item]].itemsOf[label]--;
        subsets[0].itemsOf[label]++;
      }
      subsetOf[item] = 0;
    },
  };
}

/** The label with the fewest unassigned items, or -1 when all are assigned. */
function rarest(unassigned: Int32Array): number {
  let best = -1;
  for (let label = 0; label < unassigned.length; label++) {
    if (unassigned[label] > 0 && (best < 0 || unassigned[label] < unassigned[best])) best = label;
  }
  return best;
}
