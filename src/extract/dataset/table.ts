/** Parquet and Arrow tables with the image bytes in them, as Hugging Face datasets are stored (`image` and `label`). */
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { InputError, messageOf, UsageError, unexpected } from '../../shared/errors.ts';
import { asObject, parseJson } from '../../shared/fields.ts';
import { assignColumns, type ManifestOptions } from '../../shared/manifest/columns.ts';
import { readWeight } from '../../shared/manifest/read.ts';
import type { DatasetImage, ImageSource, Images } from './layout.ts';

/** A table, read column by column and row by row. */
interface Table {
  columns: string[];
  rows: number;
  /** Schema metadata: Hugging Face keeps the names of classes there. */
  metadata: ReadonlyMap<string, string>;
  /** Whole columns without the images. */
  values(column: string): Promise<unknown[]>;
  /** The image cell of one row. */
  cell(column: string, row: number): Promise<unknown>;
  close(): Promise<void>;
}

/** What opens a table, by file name extension. */
const OPEN: Readonly<Record<string, (file: string) => Promise<Table>>> = {
  '.parquet': openParquet,
  '.arrow': openArrow,
  '.feather': openArrow,
};

/** Whether a file name ends like a table's. */
export function isTable(name: string): boolean {
  return extname(name).toLowerCase() in OPEN;
}

/**
 * The images in a table, in its order: `row-0000001` or the path beside the bytes, and labels as text, numbers named
 * by Hugging Face's class names, or lists of them.
 * @throws InputError for a file that is no such table
 */
export async function readTable(
  file: string,
  options: ManifestOptions,
): Promise<Images & { source: ImageSource }> {
  const name = basename(file);
  const damaged = (thrown: unknown): unknown => {
    if (thrown instanceof InputError || thrown instanceof UsageError) return thrown;
    return new InputError(`Expected a table in ${name} but it is damaged: ${messageOf(thrown)}`);
  };
  const table = await OPEN[extname(file).toLowerCase()](file).catch((thrown: unknown) => {
    throw damaged(thrown);
  });
  try {
    return await imagesIn(table, name, options);
  } catch (thrown) {
    await table.close();
    throw damaged(thrown);
  }
}

async function imagesIn(
  table: Table,
  name: string,
  options: ManifestOptions,
): Promise<Images & { source: ImageSource }> {
  const columns = assignColumns(table.columns, name, {
    // Tables have all sorts of columns beside image and label.
    columns: { label: table.columns.includes('label') ? 'label' : undefined, ...options.columns },
  });
  const { path: image, label, group, weight } = columns;
  if (label === null) throw unexpected('a label column (or --label-column)', name, table.columns);
  const names = classNames(table, label, name);
  const labels = await table.values(label);
  const groups = group === null ? [] : await table.values(group);
  const weights = weight === null ? [] : await table.values(weight);
  const rowOf = new Map<string, number>();
  const images: DatasetImage[] = [];
  for (let row = 0; row < table.rows; row++) {
    const path = `row-${String(row).padStart(7, '0')}`;
    rowOf.set(path, row);
    images.push({
      path,
      labels: labelsOf(labels[row], names, `${name} row ${row}, column ${label}`),
      split: null,
      group: groups[row] === undefined || groups[row] === null ? null : String(groups[row]),
      ...(weight !== null && { weight: readWeight(weights[row], `${name} row ${row}, column ${weight}`) }),
    });
  }
  const read = async (path: string): Promise<Buffer> => bytesOf(await table.cell(image, rowOf.get(path)!));
  return {
    images,
    notes: [`Columns: image "${image}", label "${label}"`],
    source: { read, close: table.close },
  };
}

/** Bytes, or a struct of `bytes` and `path`, which Hugging Face stores. */
function bytesOf(cell: unknown): Buffer {
  const bytes = cell instanceof Uint8Array ? cell : (cell as { bytes?: unknown } | null)?.bytes;
  if (bytes instanceof Uint8Array) return Buffer.from(bytes);
  throw new InputError('no image bytes in this row');
}

function labelsOf(cell: unknown, names: readonly string[], where: string): string[] {
  if (cell === null || cell === undefined) return [];
  const values =
    typeof cell === 'object' && Symbol.iterator in cell ? [...(cell as Iterable<unknown>)] : [cell];
  return values.map((value) => {
    if (typeof value === 'string') return value;
    if (typeof value !== 'number' && typeof value !== 'bigint')
      throw unexpected('a label', where, String(value));
    return names[Number(value)] ?? String(value);
  });
}

/** `{"info": {"features": {"label": {"names": [...], "_type": "ClassLabel"}}}}` under the key `huggingface`. */
function classNames({ metadata }: Table, label: string, file: string): string[] {
  const at = (field: string) => `${field} of the huggingface metadata of ${file}`;
  const json = metadata.get('huggingface');
  if (json === undefined) return [];
  const info = asObject(asObject(parseJson(json, at('text')), at('text')).info ?? {}, at('info'));
  const feature = asObject(asObject(info.features ?? {}, at('features'))[label] ?? {}, at(label));
  const inner = Array.isArray(feature.names)
    ? feature
    : asObject(feature.feature ?? {}, at(`${label}.feature`));
  return Array.isArray(inner.names) ? inner.names.map(String) : [];
}

/** The format's magic number at both ends, and the length of what lies before the second. */
const SHORTEST_PARQUET = 12;

async function openParquet(file: string): Promise<Table> {
  const handle = await open(file);
  try {
    return await parquetTable(handle);
  } catch (thrown) {
    await handle.close();
    throw thrown;
  }
}

async function parquetTable(handle: FileHandle): Promise<Table> {
  const { parquetMetadataAsync, parquetReadObjects, parquetSchema } = await import('hyparquet');
  const { size } = await handle.stat();
  if (size < SHORTEST_PARQUET) throw new Error('it is cut short');
  const read = async (start: number, end: number): Promise<ArrayBuffer> => {
    if (!(start >= 0 && start < end && end <= size)) throw new Error(`it has no bytes ${start} to ${end}`);
    const bytes = new ArrayBuffer(end - start);
    const { bytesRead } = await handle.read(new Uint8Array(bytes), 0, end - start, start);
    if (bytesRead < end - start) throw new InputError('it is cut short');
    return bytes;
  };
  const source = {
    byteLength: size,
    slice(start: number, end = size): Promise<ArrayBuffer> {
      const bytes = read(start, end);
      // hyparquet asks for several pieces at once and stops at the first that fails; the others must not count as unhandled.
      bytes.catch(() => {});
      return bytes;
    },
  };
  const metadata = await parquetMetadataAsync(source);
  const starts: number[] = [];
  let rows = 0;
  for (const group of metadata.row_groups) {
    starts.push(rows);
    rows += Number(group.num_rows);
  }
  const readGroup = (column: string, at: number) =>
    parquetReadObjects({
      file: source,
      metadata,
      columns: [column],
      rowStart: starts[at],
      rowEnd: starts[at + 1] ?? rows,
      utf8: false,
    });
  // Images are read in order, so the row groups of the last few reads are those of the next.
  const recent = new Map<number, ReturnType<typeof readGroup>>();
  return {
    columns: parquetSchema(metadata).children.map(({ element }) => element.name),
    rows,
    metadata: new Map(metadata.key_value_metadata?.map(({ key, value }) => [key, value ?? ''])),
    async values(column) {
      const values: unknown[] = [];
      for (const row of await parquetReadObjects({ file: source, metadata, columns: [column] }))
        values.push(row[column]);
      return values;
    },
    async cell(column, row) {
      const at = starts.findLastIndex((start) => start <= row);
      const group = recent.get(at) ?? readGroup(column, at);
      recent.set(at, group);
      for (const old of recent.keys()) if (recent.size > 2 && old !== at) recent.delete(old);
      return (await group)[row - starts[at]][column];
    },
    close: () => handle.close(),
  };
}

async function openArrow(file: string): Promise<Table> {
  const { tableFromIPC } = await import('apache-arrow');
  const bytes = await readFile(file);
  const table = tableFromIPC(bytes);
  // An image takes an offset at least; a damaged count would be listed row by row for hours.
  if (!(table.numRows <= bytes.length / Int32Array.BYTES_PER_ELEMENT))
    throw new Error(`it has ${table.numRows} rows in ${bytes.length} bytes`);
  if (table.schema.fields.length === 0) throw new Error('it has no columns');
  return {
    columns: table.schema.fields.map(({ name }) => name),
    rows: table.numRows,
    metadata: table.schema.metadata,
    values: async (column) => [...(table.getChild(column) ?? [])],
    cell: async (column, row) => table.getChild(column)?.get(row),
    close: async () => {},
  };
}
