/** The rows of .csv, .tsv and .jsonl files, one at a time. */
import { extname } from 'node:path';
import type { Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import { expectedMessage, InputError } from '../errors.ts';
import { diskError } from '../store/files.ts';
import { MOST_ROW_CHARACTERS, readLines } from './lines.ts';

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

/**
 * Reads rows by the extension of `name`. The stream is closed behind the last one that is asked for.
 * @throws InputError with name and line for whatever is no row
 */
export function readRows(name: string, stream: Readable): AsyncGenerator<Row> {
  return extname(name).toLowerCase() === '.jsonl' ? jsonRows(name, stream) : csvRows(name, stream);
}

async function* csvRows(name: string, stream: Readable): AsyncGenerator<Row> {
  const parser = parse({
    bom: true,
    info: true,
    skip_empty_lines: true,
    max_record_size: MOST_ROW_CHARACTERS,
    delimiter: extname(name).toLowerCase() === '.tsv' ? '\t' : ',',
    columns: (header: string[]) => header.map((cell, i) => checkHeader(cell.trim(), i, header, name)),
  });
  stream.on('error', (error) => parser.destroy(diskError('read', name, error)));
  try {
    for await (const { info, record } of stream.pipe(parser)) yield { line: info.lines, cells: record };
  } catch (thrown) {
    if (thrown instanceof CsvError)
      throw new InputError(`Expected rows in ${name} but it is damaged: ${thrown.message}`);
    throw thrown;
  } finally {
    stream.destroy();
  }
}

function checkHeader(cell: string, position: number, header: string[], manifest: string): string {
  if (cell === '')
    throw new InputError(expectedMessage('a name', `column ${position + 1} of ${manifest}`, cell));
  if (header.findIndex((other) => other.trim() === cell) < position) {
    throw new InputError(expectedMessage('each column once', manifest, cell));
  }
  return cell;
}

async function* jsonRows(name: string, stream: Readable): AsyncGenerator<Row> {
  let line = 0;
  for await (const text of readLines(name, stream)) {
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
