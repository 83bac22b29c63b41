/** Images in Parquet and Arrow tables, as Hugging Face datasets are stored (`image` and `label`), in one file or several. */
import { basename, dirname, extname, relative, sep } from 'node:path';
import { decodeText } from '../../shared/encoding.ts';
import { expectedMessage, InputError, unexpected } from '../../shared/errors.ts';
import { asObject, parseJson } from '../../shared/fields.ts';
import { assignColumns, type Columns, type ManifestOptions } from '../../shared/manifest/columns.ts';
import { labelReader } from '../../shared/manifest/labels.ts';
import { readGroup, readSplit, readWeight } from '../../shared/manifest/read.ts';
import { splitNamed } from '../../shared/manifest/splits.ts';
import { counted } from '../../shared/plural.ts';
import type { Split } from '../../shared/store/schema.ts';
import type { DatasetImage, ImageSource, Images } from './layout.ts';
import { openTables, type Table } from './table.ts';

/** What all files of a data set must agree in. */
interface Form {
  columns: Columns & { label: string };
  /** Names of classes by their numbers; none where labels stand for themselves. */
  names: readonly string[];
}

/** Where an image lies. */
interface Place {
  file: string;
  row: number;
}

/**
 * The images in tables, in their order: `row-0000001`, with the file's name before it where there are several, and labels as
 * text, numbers named by Hugging Face's class names, or lists of them. Files named after splits (`train-00000-of-00002`)
 * give their images that split.
 * @param files one or several
 * @param root what names of files are relative to
 * @throws InputError for a file that is no such table, or one that differs from the first in columns or classes
 */
export async function readTables(
  files: readonly string[],
  root: string,
  options: ManifestOptions,
): Promise<Images & { source: ImageSource }> {
  const tables = openTables();
  try {
    const labels = labelReader(options.separator);
    const splits = fileSplits(files, root);
    const places = new Map<string, Place>();
    const images: DatasetImage[] = [];
    let first: { form: Form; file: string } | undefined;
    for (const file of files) {
      const name = relative(root, file).split(sep).join('/');
      const prefix = files.length > 1 ? `${name.slice(0, -extname(name).length)}/` : '';
      await tables.use(file, async (table) => {
        const own = formOf(table, name, options);
        first ??= { form: own, file: name };
        checkForm(own, name, first);
        const read = (cell: unknown, where: string) => labels.read(labelOf(cell, own.names, where), where);
        const rows = await rowsOf(table, own.columns, { name, read });
        for (const [row, image] of rows.entries()) {
          const path = `${prefix}row-${String(row).padStart(7, '0')}`;
          places.set(path, { file, row });
          images.push({ path, ...image, split: image.split ?? splits.get(file) ?? null });
        }
      });
    }
    const { path: image, label } = first!.form.columns;
    const read = async (path: string): Promise<Buffer> => {
      const { file, row } = places.get(path)!;
      return tables.use(file, async (table) => bytesOf(await table.cell(image, row)));
    };
    return {
      images,
      notes: [
        `Columns: image "${image}", label "${label}"`,
        ...splitNotes(files, splits),
        ...missingShards(files),
        ...labels.notes(),
      ],
      source: { read, close: tables.close },
    };
  } catch (thrown) {
    await tables.close();
    throw thrown;
  }
}

function formOf(table: Table, name: string, options: ManifestOptions): Form {
  const columns = assignColumns(table.columns, name, {
    // Tables have all sorts of columns beside image and label.
    columns: { label: table.columns.includes('label') ? 'label' : undefined, ...options.columns },
  });
  const { label } = columns;
  if (label === null) throw unexpected('a label column (or --label-column)', name, table.columns);
  return { columns: { ...columns, label }, names: classNames(table, label, name) };
}

function checkForm(own: Form, name: string, first: { form: Form; file: string }): void {
  const roles = ({ columns: { path, label, split, group, weight } }: Form) =>
    JSON.stringify([path, label, split, group, weight]);
  if (roles(own) !== roles(first.form))
    throw unexpected(`the columns of ${first.file}`, name, JSON.parse(roles(own)));
  const [expected, received] = [first.form.names, own.names];
  const field = Array.from({ length: Math.max(expected.length, received.length) }, (_, i) => i).find(
    (i) => expected[i] !== received[i],
  );
  if (field !== undefined)
    throw unexpected(
      `the class names of ${first.file} (${field} is ${JSON.stringify(expected[field] ?? null)})`,
      name,
      received[field],
    );
}

type TableRow = Omit<DatasetImage, 'path'>;

/** What a table says about its images. */
async function rowsOf(
  table: Table,
  { label, split, group, weight }: Form['columns'],
  { name, read }: { name: string; read: (cell: unknown, where: string) => string[] },
): Promise<TableRow[]> {
  const values = async (column: string | null) => (column === null ? undefined : await table.values(column));
  const labels = await table.values(label);
  const [splits, groups, weights] = [await values(split), await values(group), await values(weight)];
  return Array.from({ length: table.rows }, (_, row) => {
    const cellName = (column: string | null) => `${name} row ${row}, column ${column}`;
    return {
      labels: read(labels[row], cellName(label)),
      split: readSplit(splits?.[row], cellName(split)),
      group: readGroup(plain(groups?.[row]), cellName(group)),
      ...(weights && { weight: readWeight(weights[row], cellName(weight)) }),
    };
  });
}

function plain(cell: unknown): unknown {
  return typeof cell === 'bigint' ? String(cell) : cell;
}

/** Bytes, or a struct of `bytes` and `path`, which Hugging Face stores. */
function bytesOf(cell: unknown): Buffer {
  const bytes = cell instanceof Uint8Array ? cell : (cell as { bytes?: unknown } | null)?.bytes;
  if (bytes instanceof Uint8Array) return Buffer.from(bytes);
  throw new InputError('no image bytes in this row');
}

/** A cell as a label or a list of labels. A number is a class by its place, where classes have names; -1 is none then. */
function labelOf(cell: unknown, names: readonly string[], where: string): unknown {
  if (cell === null || cell === undefined) return [];
  // Text that is not declared as text comes as bytes.
  if (cell instanceof Uint8Array) return decodeText(Buffer.from(cell), where);
  if (typeof cell === 'object' && Symbol.iterator in cell)
    return [...(cell as Iterable<unknown>)].flatMap((one) => labelOf(one, names, where));
  if ((typeof cell !== 'number' && typeof cell !== 'bigint') || names.length === 0) return cell;
  if (Number(cell) === -1 || Number.isNaN(cell)) return [];
  const name = names[Number(cell)];
  if (name === undefined)
    throw new InputError(
      expectedMessage(`a class from 0 to ${names.length - 1}, or -1 for none,`, where, Number(cell)),
    );
  return [name];
}

/** `{"info": {"features": {"label": {"names": [...], "_type": "ClassLabel"}}}}` under the key `huggingface`. */
function classNames({ metadata }: Table, label: string, file: string): string[] {
  const field = (name: string) => `${name} of the huggingface metadata of ${file}`;
  const json = metadata.get('huggingface');
  if (json === undefined) return [];
  const info = asObject(asObject(parseJson(json, field('text')), field('text')).info ?? {}, field('info'));
  const feature = asObject(asObject(info.features ?? {}, field('features'))[label] ?? {}, field(label));
  const inner = Array.isArray(feature.names)
    ? feature
    : asObject(feature.feature ?? {}, field(`${label}.feature`));
  return Array.isArray(inner.names) ? inner.names.map(String) : [];
}

/** The splits that files are named after, or lie in folders of, where these are several. */
function fileSplits(files: readonly string[], root: string): Map<string, Split> {
  const found = new Map<string, Split>();
  for (const file of files) {
    const [first] = basename(file).split(/[-_.]/);
    const folder = relative(root, dirname(file)).split(sep).at(-1) ?? '';
    const split = splitNamed(first) ?? splitNamed(folder);
    if (split) found.set(file, split);
  }
  return new Set(found.values()).size > 1 ? found : new Map();
}

function splitNotes(files: readonly string[], splits: ReadonlyMap<string, Split>): string[] {
  const without = files.filter((file) => !splits.has(file));
  if (splits.size === 0 || without.length === 0) return [];
  return [`No split in the name of ${counted(without.length, 'file')}, such as ${basename(without[0])}`];
}

/** `train-00000-of-00002` says how many there are. */
function missingShards(files: readonly string[]): string[] {
  const sets = new Map<string, { places: Set<number>; of: number }>();
  for (const file of files) {
    const [, stem, place, of] = /^(.*)-(\d+)-of-(\d+)\.\w+$/.exec(basename(file)) ?? [];
    if (stem === undefined) continue;
    const key = `${dirname(file)}/${stem}-of-${of}`;
    const set = sets.get(key) ?? { places: new Set(), of: Number(of) };
    sets.set(key, { ...set, places: set.places.add(Number(place)) });
  }
  return [...sets].flatMap(([key, { places, of }]) =>
    places.size < of
      ? [`${basename(key)}: ${places.size} of its ${of} files found, the others are missing`]
      : [],
  );
}
