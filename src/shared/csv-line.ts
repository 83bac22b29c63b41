/** Lines of the CSV files a run leaves behind: RFC 4180 quoting, and no cell that a spreadsheet would run. */

/**
 * One line with its line feed. Numbers keep six significant digits; null, undefined and NaN are empty cells.
 * Text that a spreadsheet would take for a formula (it starts with = + - @, tab or carriage return) gets a leading
 * apostrophe, as OWASP recommends against CSV injection.
 */
export function csvLine(cells: readonly (string | number | null | undefined)[]): string {
  return `${cells.map(csvCell).join(',')}\n`;
}

function csvCell(cell: string | number | null | undefined): string {
  if (typeof cell === 'number') return Number.isNaN(cell) ? '' : String(Number(cell.toPrecision(6)));
  const text = /^[=+\-@\t\r]/.test(cell ?? '') ? `'${cell}` : (cell ?? '');
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
