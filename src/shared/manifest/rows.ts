/** The rows of .csv, .tsv and .jsonl files, one at a time. */
import { extname } from 'node:path';
import { Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import { parse as parseWhole } from 'csv-parse/sync';
import { expectedMessage, InputError, messageOf } from '../errors.ts';
import { isPathColumn, type ManifestOptions, UNNAMED } from './columns.ts';
import { MAX_ROW_CHARACTERS, readLines, readText } from './lines.ts';

/** File name extensions of manifests. */
export const MANIFEST_EXTENSIONS: ReadonlySet<string> = new Set(['.csv', '.tsv', '.jsonl']);

/** Whether a file name (or path) ends like a manifest's, in any case. */
export function hasManifestExtension(name: string): boolean {
  return MANIFEST_EXTENSIONS.has(extname(name).toLowerCase());
}

/** A row as its format gives it, and the line it starts on. */
export interface Row {
  line: number;
  cells: Record<string, unknown>;
}

/** Who is told how a manifest was read. */
export interface ManifestNotes {
  /** What the user may want to check. */
  info(note: string): void;
  /** What the user should act on. */
  warn(note: string): void;
}

/**
 * Reads rows by the extension of `name`. The stream is closed behind the last one that is read.
 * @throws InputError with name and line for whatever is no row
 */
export function readRows(
  name: string,
  stream: Readable,
  options: ManifestOptions,
  notes: ManifestNotes,
): AsyncGenerator<Row> {
  const rows = extname(name).toLowerCase() === '.jsonl' ? jsonRows : csvRows;
  return rows(name, stream, options, notes);
}

async function* csvRows(
  name: string,
  stream: Readable,
  options: ManifestOptions,
  notes: ManifestNotes,
): AsyncGenerator<Row> {
  const pieces = readText(name, stream, { encoding: options.encoding, warn: notes.warn });
  let start = '';
  // A piece that holds no header yet is of empty lines.
  for (let piece = await pieces.next(); !piece.done; piece = await pieces.next()) {
    start += piece.value;
    if (start.trim() !== '') break;
  }
  const { delimiter, text } = withDelimiter(start, name, options, notes);
  const parser = parse({
    info: true,
    skip_empty_lines: true,
    relax_column_count: true,
    max_record_size: MAX_ROW_CHARACTERS,
    delimiter,
  });
  const source = Readable.from(
    (async function* () {
      if (text !== '') yield text;
      yield* pieces;
    })(),
  );
  source.on('error', (error) => parser.destroy(error));
  try {
    let header: string[] | undefined;
    for await (const { info, record } of source.pipe(parser)) {
      const cells = record as string[];
      // Spreadsheets write separators for empty rows.
      if (cells.every((cell) => cell.trim() === '')) continue;
      if (header) yield { line: info.lines, cells: named(cells, header, `${name} line ${info.lines}`) };
      else header = headerOf(cells, name);
    }
  } catch (thrown) {
    if (thrown instanceof CsvError)
      throw new InputError(`Expected rows in ${name} but it is damaged: ${messageOf(thrown)}`);
    throw thrown;
  } finally {
    source.destroy();
    stream.destroy();
  }
}

/** What separates cells, by what a message calls it. */
const DELIMITERS: ReadonlyMap<string, string> = new Map([
  [',', 'commas'],
  ['\t', 'tabs'],
  [';', 'semicolons'],
]);

/**
 * What separates the cells of a text whose beginning is given: what its extension promises, unless only another one
 * makes a header of it, as Excel writes where the comma is for decimals; or what `sep=;` says, which Excel writes too.
 */
function withDelimiter(
  start: string,
  name: string,
  { columns = {} }: ManifestOptions,
  notes: ManifestNotes,
): { delimiter: string; text: string } {
  const told = /^\s*"?sep=(.)"?(?=[\r\n]|$)/i.exec(start);
  if (told) return { delimiter: told[1], text: start.slice(told[0].length) };
  const [line] = start.trimStart().split(/[\r\n]/, 1);
  const usual = extname(name).toLowerCase() === '.tsv' ? '\t' : ',';
  const isHeader = (delimiter: string): boolean => {
    const cells = headerCells(line, delimiter);
    return cells.length > 1 && cells.some((cell) => isPathColumn(cell, columns));
  };
  const delimiter = [usual, ...DELIMITERS.keys()].find(isHeader) ?? usual;
  if (delimiter !== usual)
    notes.info(`${name} is separated by ${DELIMITERS.get(delimiter)}, not ${DELIMITERS.get(usual)}`);
  return { delimiter, text: start };
}

function headerCells(line: string, delimiter: string): string[] {
  try {
    const [cells] = parseWhole(line, { delimiter, relax_quotes: true }) as string[][];
    return (cells ?? []).map((cell) => cell.trim());
  } catch {
    return [];
  }
}

/** The names of columns, without unnamed ones at the end. An unnamed first column is what pandas makes of its index. */
function headerOf(cells: readonly string[], manifest: string): string[] {
  const names = cells.map((cell) => cell.trim());
  while (names.at(-1) === '') names.pop();
  if (names[0] === '') names[0] = UNNAMED;
  for (const [position, cell] of names.entries()) {
    if (cell === '')
      throw new InputError(expectedMessage('a name', `column ${position + 1} of ${manifest}`, cell));
    if (names.indexOf(cell) < position)
      throw new InputError(expectedMessage('each column once', manifest, cell));
  }
  return names;
}

/** A row's cells by the names of their columns; further cells must be empty. */
function named(cells: readonly string[], names: readonly string[], where: string): Record<string, string> {
  const isLonger = cells.some((cell, i) => i >= names.length && cell.trim() !== '');
  if (isLonger || cells.length < names.length) {
    const hint = isLonger ? ' (a cell that holds the separator stands in quotes)' : '';
    throw new InputError(
      `${expectedMessage(`${names.length} cells (${names.join(', ')})`, where, cells)}${hint}`,
    );
  }
  // Without a prototype, any name can be a column's.
  const row = Object.create(null) as Record<string, string>;
  for (const [i, name] of names.entries()) row[name] = cells[i];
  return row;
}

async function* jsonRows(
  name: string,
  stream: Readable,
  { encoding }: ManifestOptions,
  { warn }: ManifestNotes,
): AsyncGenerator<Row> {
  let line = 0;
  for await (const text of readLines(name, stream, { encoding, warn })) {
    line++;
    if (text.trim() === '') continue;
    let cells: unknown;
    try {
      cells = JSON.parse(text);
    } catch {
      cells = undefined;
    }
    if (typeof cells !== 'object' || cells === null || Array.isArray(cells)) {
      throw new InputError(expectedMessage('a JSON object', `${name} line ${line}`, text));
    }
    yield { line, cells: { ...cells } };
  }
}
