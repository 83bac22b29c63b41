/** Manifests: a .csv, .tsv or .jsonl file with one image a row. */
import { createReadStream } from 'node:fs';
import { basename, extname, isAbsolute, relative, resolve, sep } from 'node:path';
import { createInterface } from 'node:readline';
import { CsvError, parse } from 'csv-parse';
import { expectedMessage, InputError } from '../../shared/errors.ts';
import { type DatasetImage, type Listing, SPLIT_NAMES } from './layout.ts';

/** File name extensions of manifests. */
export const MANIFEST_EXTENSIONS: ReadonlySet<string> = new Set(['.csv', '.tsv', '.jsonl']);

/** A row as its format gives it, and the line it starts on. */
interface Row {
  line: number;
  cells: Record<string, unknown>;
}

/** The columns of a manifest by their part in it. */
interface Columns {
  path: string;
  /** Null where each class has a 0/1 column. */
  label: string | null;
  split: string | null;
  classes: string[];
}

/** What a column is for, by its name in lower case without spaces, `_`, `-` and a plural s. */
const ROLES: ReadonlyMap<string, 'path' | 'label' | 'split'> = new Map([
  ['path', 'path'],
  ['file', 'path'],
  ['filename', 'path'],
  ['image', 'path'],
  ['label', 'label'],
  ['split', 'split'],
]);

/**
 * Reads a manifest: a path column (`path`, `file`, `filename` or `image`, any case, singular or plural), and either
 * a `label` column (several labels joined by `|`; in JSON Lines also an array) or one 0/1 column for each class;
 * optionally a `split` column (train, val or validation, test; empty for none).
 * @param file the manifest
 * @param root the folder its paths are relative to and may not leave
 * @throws InputError with file, line and value for whatever does not fit
 */
export async function readManifest(file: string, root: string): Promise<Omit<Listing, 'classes'>> {
  const name = basename(file);
  const lineOf = new Map<string, number>();
  const images: DatasetImage[] = [];
  let columns: Columns | undefined;
  for await (const { line, cells } of extname(file).toLowerCase() === '.jsonl'
    ? jsonRows(file)
    : csvRows(file)) {
    columns ??= assignColumns(Object.keys(cells), name);
    const image = readRow(cells, columns, root, `${name} line ${line}`);
    const earlier = lineOf.get(image.path);
    if (earlier !== undefined) {
      throw new InputError(
        expectedMessage('each image once', `${name} line ${line}`, image.path) +
          ` again (first on line ${earlier})`,
      );
    }
    lineOf.set(image.path, line);
    images.push(image);
  }
  if (images.length === 0)
    throw new InputError(`Expected a header and at least one image in ${name} but found no row`);
  return { images, notes: [] };
}

function assignColumns(names: string[], manifest: string): Columns {
  const byRole = { path: [] as string[], label: [] as string[], split: [] as string[] };
  const classes: string[] = [];
  for (const name of names) {
    const role = ROLES.get(
      name
        .toLowerCase()
        .replace(/[\s_-]/g, '')
        .replace(/s$/, ''),
    );
    (role ? byRole[role] : classes).push(name);
  }
  for (const [role, found] of Object.entries(byRole)) {
    if (found.length > 1) throw new InputError(expectedMessage(`one ${role} column`, manifest, found));
  }
  const [path] = byRole.path;
  const [label = null] = byRole.label;
  const [split = null] = byRole.split;
  if (path === undefined) {
    throw new InputError(expectedMessage('a column named path, file, filename or image', manifest, names));
  }
  if (label !== null && classes.length > 0) {
    throw new InputError(
      expectedMessage(`no columns beside ${[path, label, 'split'].join(', ')}`, manifest, classes),
    );
  }
  if (label === null && classes.length === 0) {
    throw new InputError(
      expectedMessage('a label column, or one 0/1 column for each class', manifest, names),
    );
  }
  return { path, label, split, classes };
}

function readRow(
  cells: Record<string, unknown>,
  columns: Columns,
  root: string,
  where: string,
): DatasetImage {
  const unknown = Object.keys(cells).find((key) => !isColumn(key, columns));
  if (unknown !== undefined)
    throw new InputError(expectedMessage('the columns of the first row', where, unknown));
  const { path, file } = readPath(cells[columns.path], root, `${where}, column ${columns.path}`);
  const labels =
    columns.label === null
      ? classColumns(cells, columns, where)
      : labelCell(cells[columns.label], `${where}, column ${columns.label}`);
  return {
    path,
    file,
    labels,
    split:
      columns.split === null ? null : readSplit(cells[columns.split], `${where}, column ${columns.split}`),
  };
}

function isColumn(key: string, { path, label, split, classes }: Columns): boolean {
  return key === path || key === label || key === split || classes.includes(key);
}

function readPath(cell: unknown, root: string, where: string): { path: string; file: string } {
  if (typeof cell !== 'string' || cell.trim() === '')
    throw new InputError(expectedMessage('a path', where, cell));
  const file = resolve(root, cell.trim());
  const path = relative(root, file);
  if (path === '' || path === '..' || path.startsWith(`..${sep}`) || isAbsolute(path)) {
    throw new InputError(
      expectedMessage(`a path inside ${root} (--root says what paths are relative to)`, where, cell),
    );
  }
  return { path: path.split(sep).join('/'), file };
}

function labelCell(cell: unknown, where: string): string[] {
  const labels = Array.isArray(cell) ? cell : typeof cell === 'string' ? cell.split('|') : [cell];
  const texts = labels.map((label: unknown) => {
    if (typeof label === 'number' || typeof label === 'boolean') return String(label);
    if (typeof label !== 'string') throw new InputError(expectedMessage('a label', where, cell));
    return label.trim();
  });
  return [...new Set(texts.filter((label) => label !== ''))];
}

function classColumns(cells: Record<string, unknown>, { classes }: Columns, where: string): string[] {
  return classes.filter((name) => {
    const cell = cells[name];
    const text = typeof cell === 'string' ? cell.trim() : String(Number(cell ?? Number.NaN));
    if (text !== '0' && text !== '1')
      throw new InputError(expectedMessage('0 or 1', `${where}, column ${name}`, cell));
    return text === '1';
  });
}

function readSplit(cell: unknown, where: string): DatasetImage['split'] {
  if (cell === undefined || cell === null || cell === '') return null;
  const split = typeof cell === 'string' ? SPLIT_NAMES.get(cell.trim().toLowerCase()) : undefined;
  if (!split) throw new InputError(expectedMessage('train, val, validation, test or nothing', where, cell));
  return split;
}

async function* csvRows(file: string): AsyncGenerator<Row> {
  const name = basename(file);
  const parser = createReadStream(file).pipe(
    parse({
      bom: true,
      info: true,
      skip_empty_lines: true,
      delimiter: extname(file).toLowerCase() === '.tsv' ? '\t' : ',',
      columns: (header: string[]) => header.map((cell, i) => checkHeader(cell.trim(), i, header, name)),
    }),
  );
  try {
    for await (const { info, record } of parser) yield { line: info.lines, cells: record };
  } catch (thrown) {
    if (thrown instanceof CsvError) throw new InputError(`${name}: ${thrown.message}`);
    throw thrown;
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

async function* jsonRows(file: string): AsyncGenerator<Row> {
  let line = 0;
  for await (const text of createInterface({
    input: createReadStream(file),
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    line++;
    if (text.trim() === '') continue;
    let cells: unknown;
    try {
      cells = JSON.parse(text.replace(/^\ufeff/, ''));
    } catch {
      cells = undefined;
    }
    if (typeof cells !== 'object' || cells === null || Array.isArray(cells)) {
      throw new InputError(expectedMessage('a JSON object', `${basename(file)} line ${line}`, text));
    }
    yield { line, cells: { ...cells } };
  }
}
