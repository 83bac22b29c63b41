/** Tables for a terminal of a given width, safe for text from anywhere. */
import Table from 'cli-table3';

/** One column; `cells` has an entry per row. */
export interface Column {
  title: string;
  cells: string[];
  /** Numbers are easier to compare when they end in line. */
  right?: boolean;
  /** Left out, the last one first, while the table is wider than the terminal. */
  optional?: boolean;
}

/** Longest text of a cell, in characters. */
const LONGEST_CELL = 32;

/** A drawn table, without a line feed at its end. */
export interface Drawing {
  text: string;
  fits: boolean;
  /** Titles of the optional columns that had to go. */
  leftOut: string[];
}

/** Draws a table at most `width` characters wide, if leaving out optional columns allows it. */
export function drawTable(columns: readonly Column[], width: number): Drawing {
  const kept = [...columns];
  const leftOut: string[] = [];
  for (;;) {
    const text = draw(kept);
    // The first line is the border: one character for each column of the terminal.
    const fits = text.indexOf('\n') <= width;
    const last = kept.findLastIndex(({ optional }) => optional);
    if (fits || last < 0) return { text, fits, leftOut };
    leftOut.unshift(...kept.splice(last, 1).map(({ title }) => title));
  }
}

function draw(columns: readonly Column[]): string {
  const table = new Table({
    head: columns.map(({ title }) => printable(title)),
    colAligns: columns.map(({ right }) => (right ? 'right' : 'left')),
    style: { head: [], border: [], compact: true },
  });
  const rows = columns[0]?.cells.length ?? 0;
  for (let row = 0; row < rows; row++) table.push(columns.map(({ cells }) => printable(cells[row])));
  return table.toString();
}

/**
 * Text that cannot move the cursor, colour the terminal or break a line: control, format and line-separating
 * characters are written as escapes, and what is longer than `longest` characters is cut.
 */
export function printable(text: string, longest = LONGEST_CELL): string {
  const safe = text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => {
    if (character === '\n') return '\\n';
    return `\\u{${character.codePointAt(0)!.toString(16)}}`;
  });
  const characters = Array.from(safe);
  return characters.length > longest ? `${characters.slice(0, longest - 1).join('')}…` : safe;
}

/** A metric with four decimals, `-` where it is undefined. */
export function score(value: number | null | undefined): string {
  return value === null || value === undefined || Number.isNaN(value) ? '-' : value.toFixed(4);
}
