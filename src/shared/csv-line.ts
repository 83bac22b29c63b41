/** Lines of the CSV files that commands write: RFC 4180, every text as it is. */

export interface CsvOptions {
  /**
   * Whether text that a spreadsheet would run as a formula (it starts with = + - @, tab or carriage return) gets a leading
   * apostrophe, as OWASP recommends against CSV injection. Programs that read the file see the apostrophe; default: no.
   */
  spreadsheetSafe?: boolean;
}

/** One line with its line feed. Numbers keep six significant digits; null, undefined and NaN are empty cells. */
export function csvLine(
  cells: readonly (string | number | null | undefined)[],
  { spreadsheetSafe = false }: CsvOptions = {},
): string {
  return `${cells.map((cell) => csvCell(cell, spreadsheetSafe)).join(',')}\n`;
}

function csvCell(cell: string | number | null | undefined, spreadsheetSafe: boolean): string {
  if (typeof cell === 'number') return Number.isNaN(cell) ? '' : String(Number(cell.toPrecision(6)));
  const text = spreadsheetSafe && /^[=+\-@\t\r]/.test(cell ?? '') ? `'${cell}` : (cell ?? '');
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
