/** Manifests: a .csv, .tsv or .jsonl file with one image a row. */
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import { expectedMessage, InputError, shown } from '../errors.ts';
import type { Split } from '../store/schema.ts';
import { assignColumns, type Columns, describeColumns, type ManifestOptions } from './columns.ts';
import { classOfColumn, keptName, type LabelReader, labelReader } from './labels.ts';
import { type ManifestNotes, type Row, readRows } from './rows.ts';
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

/**
 * Reads a manifest: a path column (`path`, `file`, `filename` or `image`, any case, singular or plural), and either
 * a `label` column (several labels joined by `|`; in JSON Lines also an array) or one 0/1 column for each class;
 * optionally a `split` column (train, val or validation, test; empty for none), a `group` column and a `weight` column
 * (empty for 1). Rows come one at
 * a time, so that a manifest may be larger than memory.
 * @param file its name; the extension says how it is read
 * @param notes is told, in sentences, what the columns are for where that was not plain, and what may not be meant
 * @throws InputError with file, line and value for whatever does not fit
 */
export async function* readManifest(
  file: string,
  stream: Readable,
  options: ManifestOptions,
  notes: ManifestNotes,
): AsyncGenerator<ManifestRow> {
  const name = basename(file);
  const labels = labelReader(options.separator);
  let columns: Columns | undefined;
  let listed: ReadonlySet<string> = new Set();
  let classOf: ReadonlyMap<string, string> = new Map();
  for await (const { line, cells } of readRows(name, stream, options, notes)) {
    if (!columns) {
      columns = assignColumns(Object.keys(cells), name, options);
      listed = new Set(Object.keys(cells));
      classOf = new Map(columns.classes.map((column) => [column, classOfColumn(column, name)]));
      const plain = columns.path === 'path' && (columns.label ?? 'label') === 'label';
      if (!plain || options.columns || columns.others.length > 0) notes.info(describeColumns(columns));
    }
    yield readRow({ line, cells }, { columns, listed, classOf, labels, name });
  }
  if (!columns) throw new InputError(`Expected a header and at least one image in ${name} but found no row`);
  for (const note of labels.notes()) notes.warn(note);
}

/** What is known of a manifest when its rows are read. */
interface Manifest {
  name: string;
  columns: Columns;
  /** Names of all columns. */
  listed: ReadonlySet<string>;
  /** Names of classes by their 0/1 columns. */
  classOf: ReadonlyMap<string, string>;
  labels: LabelReader;
}

function readRow({ line, cells }: Row, { name, columns, listed, classOf, labels }: Manifest): ManifestRow {
  const cellName = (column?: string) =>
    `${name} line ${line}${column === undefined ? '' : `, column ${column}`}`;
  const unknown = Object.keys(cells).find((key) => !listed.has(key));
  if (unknown !== undefined)
    throw new InputError(expectedMessage('the columns of the first row', cellName(), unknown));
  const { path, label, split, group, weight } = columns;
  const cell = cells[path];
  if (typeof cell !== 'string' || cell.trim() === '')
    throw new InputError(expectedMessage('a path', cellName(path), cell));
  return {
    line,
    where: cellName(path),
    path: writtenPath(cell.trim(), cellName(path)),
    labels:
      label === null ? classColumns(cells, classOf, cellName) : labels.read(cells[label], cellName(label)),
    split: split === null ? null : readSplit(cells[split], cellName(split)),
    group: group === null ? null : readGroup(cells[group], cellName(group)),
    ...(weight !== null && { weight: readWeight(cells[weight], cellName(weight)) }),
  };
}

const URL = /^[a-z][a-z\d+.-]+:\/\//i;
const WINDOWS_ROOT = /^[a-z]:[\\/]/i;

/** @throws InputError for what names no file here */
function writtenPath(path: string, where: string): string {
  if (URL.test(path))
    throw new InputError(
      `${expectedMessage('the path of a file', where, path)}: download the images first, nothing is fetched`,
    );
  if (WINDOWS_ROOT.test(path) && process.platform !== 'win32')
    throw new InputError(
      `${expectedMessage('a path on this machine', where, path)}, of a Windows machine: make paths relative to a folder of images (--root FOLDER)`,
    );
  keptName(path, where);
  return path;
}

/** What cells of class columns hold, by how Python, R and spreadsheets write it. */
const PRESENCE: ReadonlyMap<string, boolean> = new Map([
  ['0', false],
  ['1', true],
  ['false', false],
  ['true', true],
]);

function classColumns(
  cells: Record<string, unknown>,
  classOf: ReadonlyMap<string, string>,
  cellName: (column: string) => string,
): string[] {
  const present = new Set<string>();
  for (const [name, label] of classOf) {
    const cell = cells[name];
    const text = String(cell ?? '').trim();
    // Numbers with decimals come from columns with gaps: 1.0, or 1,0.
    const isPresent = PRESENCE.get(text.toLowerCase().replace(/[.,]0+$/, ''));
    if (isPresent === undefined)
      throw new InputError(
        `${expectedMessage('0 or 1', cellName(name), cell)} (--label-column ${shown(name)} if labels stand there)`,
      );
    if (isPresent) present.add(label);
  }
  return [...present];
}

/** The split that a cell names, or null for none. @throws InputError for another word */
export function readSplit(cell: unknown, where: string): Split | null {
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

/** What an image belongs to, or null for nothing. @throws InputError for what is no name */
export function readGroup(cell: unknown, where: string): string | null {
  if (cell === undefined || cell === null || cell === '') return null;
  if (typeof cell !== 'string' && typeof cell !== 'number')
    throw new InputError(expectedMessage('a name or a number', where, cell));
  return keptName(String(cell).trim(), where);
}
