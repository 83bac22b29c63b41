/** Parquet and Arrow tables, read column by column and cell by cell. */
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { InputError, messageOf, UsageError } from '../../shared/errors.ts';

/** A table, read column by column and row by row. */
export interface Table {
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

/** Whether a glob asks for tables by the ending of their names. */
export function isTableGlob(pattern: string): boolean {
  return Object.keys(OPEN).some((extension) => pattern.toLowerCase().endsWith(extension));
}

/** Tables that are open at a time: images are read in order, so that two do where one file ends and the next begins. */
const MAX_OPEN = 2;

/** Tables that are opened when they are needed, a few at a time. */
export interface OpenTables {
  /** @throws InputError for a file that is damaged, or what `action` throws where that is meant for the user */
  use<T>(file: string, action: (table: Table) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export function openTables(): OpenTables {
  const opened = new Map<string, { table: Promise<Table>; users: number }>();
  const closeUnused = async (): Promise<void> => {
    for (const [file, { table, users }] of opened) {
      if (opened.size <= MAX_OPEN) return;
      if (users > 0) continue;
      opened.delete(file);
      await (await table).close();
    }
  };
  return {
    async use(file, action) {
      const entry = opened.get(file) ?? { table: OPEN[extname(file).toLowerCase()](file), users: 0 };
      opened.set(file, entry);
      entry.users++;
      try {
        return await action(await entry.table);
      } catch (thrown) {
        if (thrown instanceof InputError || thrown instanceof UsageError) throw thrown;
        throw new InputError(`Expected a table in ${basename(file)} but it is damaged: ${messageOf(thrown)}`);
      } finally {
        entry.users--;
        // One that cannot be opened has nothing to close.
        await entry.table.catch(() => opened.delete(file));
        await closeUnused();
      }
    },
    async close() {
      const tables = [...opened.values()];
      opened.clear();
      await Promise.all(tables.map(async ({ table }) => (await table).close()));
    },
  };
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
  const readGroup = (column: string, index: number) =>
    parquetReadObjects({
      file: source,
      metadata,
      columns: [column],
      rowStart: starts[index],
      rowEnd: starts[index + 1] ?? rows,
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
      const index = starts.findLastIndex((start) => start <= row);
      const group = recent.get(index) ?? readGroup(column, index);
      recent.set(index, group);
      for (const old of recent.keys()) if (recent.size > 2 && old !== index) recent.delete(old);
      return (await group)[row - starts[index]][column];
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
