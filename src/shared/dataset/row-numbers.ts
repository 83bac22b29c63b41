/** Numbers of rows: those with some property, or a few spread over all. */

/** The rows below `rows`. */
export function allRows(rows: number): Int32Array {
  return new Int32Array(rows).map((_, row) => row);
}

/** The rows below `rows` that the condition holds for, ascending. */
export function rowsWhere(rows: number, holds: (row: number) => boolean): Int32Array {
  const found = new Int32Array(rows);
  let count = 0;
  for (let row = 0; row < rows; row++) if (holds(row)) found[count++] = row;
  return found.slice(0, count);
}

/** `most` of the row numbers below `rows`, spread evenly over them, ascending; all where there are no more. */
export function spreadRows(rows: number, max: number): Int32Array {
  const count = Math.min(rows, max);
  return Int32Array.from({ length: count }, (_, index) => Math.floor((index * rows) / count));
}
