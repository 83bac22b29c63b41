/** Manifests: a .csv, .tsv or .jsonl file with one image a row. */
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import { expectedMessage, InputError } from '../errors.ts';
import type { Split } from '../store/schema.ts';
import { assignColumns, type Columns, describeColumns, type ManifestOptions, SEPARATOR } from './columns.ts';
import { type Row, readRows } from './rows.ts';
import { SPLIT_FORMS, splitNamed } from './splits.ts';

/** What a row says about an image. */
export interface ManifestRow {
  line: number;
  /** Names the cell of the path in messages. */
  where: string;
  /** As it is written. */
  path: string;
  /** None twice. Rows with the same cell share one list. */
  labels: string[];
  split: Split | null;
  group: string | null;
  /** How much the image counts in training; absent where the manifest has no such column. */
  weight?: number;
}

/** Control characters in a class name would garble every table and file that shows it. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f]/;

/**
 * Reads a manifest: a path column (`path`, `file`, `filename` or `image`, any case, singular or plural), and either
 * a `label` column (several labels joined by `|`; in JSON Lines also an array) or one 0/1 column for each class;
 * optionally a `split` column (train, val or validation, test; empty for none), a `group` column and a `weight` column
 * (empty for 1). Rows come one at
 * a time, so that a manifest may be larger than memory.
 * @param file its name; the extension says how it is read
 * @param said is told, in a sentence, what the columns are for where that was not plain
 * @throws InputError with file, line and value for whatever does not fit
 */
export async function* readManifest(
  file: string,
  stream: Readable,
  options: ManifestOptions,
  said: (note: string) => void,
): AsyncGenerator<ManifestRow> {
  const name = basename(file);
  const labels = labelReader(options.separator ?? SEPARATOR);
  let columns: Columns | undefined;
  let listed: ReadonlySet<string> = new Set();
  for await (const { line, cells } of readRows(name, stream)) {
    if (!columns) {
      columns = assignColumns(Object.keys(cells), name, options);
      listed = new Set(Object.keys(cells));
      const plain = columns.path === 'path' && (columns.label ?? 'label') === 'label';
      if (!plain || options.columns) said(describeColumns(columns));
    }
    yield readRow({ line, cells }, columns, listed, labels, name);
  }
  if (!columns) throw new InputError(`Expected a header and at least one image in ${name} but found no row`);
}

type LabelReader = (cell: unknown, where: string) => string[];

function readRow(
  { line, cells }: Row,
  columns: Columns,
  listed: ReadonlySet<string>,
  labels: LabelReader,
  name: string,
): ManifestRow {
  const at = (column?: string) => `${name} line ${line}${column === undefined ? '' : `, column ${column}`}`;
  const unknown = Object.keys(cells).find((key) => !listed.has(key));
  if (unknown !== undefined)
    throw new InputError(expectedMessage('the columns of the first row', at(), unknown));
  const { path, label, split, group, weight } = columns;
  const cell = cells[path];
  if (typeof cell !== 'string' || cell.trim() === '')
    throw new InputError(expectedMessage('a path', at(path), cell));
  return {
    line,
    where: at(path),
    path: cell.trim(),
    labels: label === null ? classColumns(cells, columns, at) : labels(cells[label], at(label)),
    split: split === null ? null : readSplit(cells[split], at(split)),
    group: group === null ? null : readGroup(cells[group], at(group)),
    ...(weight !== null && { weight: readWeight(cells[weight], at(weight)) }),
  };
}

/** Reads label cells; equal ones are read once. */
function labelReader(separator: string): LabelReader {
  const known = new Map<string, string[]>();
  return (cell, where) => {
    if (typeof cell !== 'string') return labelList(Array.isArray(cell) ? cell : [cell], where);
    const read = known.get(cell);
    if (read) return read;
    const labels = labelList(separator === '' ? [cell] : cell.split(separator), where);
    known.set(cell, labels);
    return labels;
  };
}

function labelList(labels: unknown[], where: string): string[] {
  const texts = labels.map((label) => {
    if (typeof label === 'number' || typeof label === 'boolean') return String(label);
    if (typeof label !== 'string') throw new InputError(expectedMessage('a label', where, label));
    if (CONTROL.test(label.trim()))
      throw new InputError(expectedMessage('a label on one line, without control characters,', where, label));
    return label.trim();
  });
  return [...new Set(texts.filter((label) => label !== ''))];
}

function classColumns(
  cells: Record<string, unknown>,
  { classes }: Columns,
  at: (column: string) => string,
): string[] {
  return classes.filter((name) => {
    const cell = cells[name];
    const text = typeof cell === 'string' ? cell.trim() : String(Number(cell ?? Number.NaN));
    if (text !== '0' && text !== '1') throw new InputError(expectedMessage('0 or 1', at(name), cell));
    return text === '1';
  });
}

function readSplit(cell: unknown, where: string): Split | null {
  if (cell === undefined || cell === null || cell === '') return null;
  const split = typeof cell === 'string' ? splitNamed(cell) : undefined;
  if (!split) throw new InputError(expectedMessage(`${SPLIT_FORMS} or nothing`, where, cell));
  return split;
}

/**
 * A sample weight, in the precision in which it is stored.
 * @throws InputError for what is no number from 0
 */
export function readWeight(cell: unknown, where: string): number {
  if (cell === undefined || cell === null || cell === '') return 1;
  const weight = Math.fround(
    typeof cell === 'string' || typeof cell === 'bigint' ? Number(cell) : (cell as number),
  );
  if (typeof weight !== 'number' || !Number.isFinite(weight) || weight < 0)
    throw new InputError(expectedMessage('a number of at least 0', where, cell));
  return weight;
}

function readGroup(cell: unknown, where: string): string | null {
  if (cell === undefined || cell === null || cell === '') return null;
  if (typeof cell !== 'string' && typeof cell !== 'number')
    throw new InputError(expectedMessage('a name or a number', where, cell));
  return String(cell).trim();
}
