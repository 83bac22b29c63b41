/** A few rows of many: what is looked at where all would take too long. */

/** `most` of the row numbers below `rows`, spread evenly over them, ascending; all where there are no more. */
export function spreadRows(rows: number, most: number): Int32Array {
  const count = Math.min(rows, most);
  return Int32Array.from({ length: count }, (_, at) => Math.floor((at * rows) / count));
}
