/** Reads a feature store; nothing is parsed before its checksum has been compared. */
import { join } from 'node:path';
import { decodeText } from '../encoding.ts';
import { InputError, unexpected } from '../errors.ts';
import { parseJson } from '../fields.ts';
import { checkValue, text } from '../values.ts';
import { ownMemory, readChecked } from './checked-file.ts';
import { codeOf, disk, diskError } from './files.ts';
import { decodePart, type PartRows } from './part.ts';
import {
  ADDING_FILE,
  checkManifest,
  type FeatureColumn,
  MANIFEST_FILE,
  type PartEntry,
  type StoreManifest,
} from './schema.ts';

/** A part of a store, read and checked. */
export interface StorePart extends PartRows {
  /** Number of rows. */
  rows: number;
  entry: PartEntry;
}

/** An open store: its manifest is in memory, its parts are read one at a time. */
export interface FeatureStore {
  dir: string;
  manifest: StoreManifest;
  /** Rows in all parts. */
  rows: number;
  columns: FeatureColumn[];
  /** Reads the parts in order; each can be let go before the next. */
  parts(): AsyncIterable<StorePart>;
}

/** The advice that ends every message about a damaged store. */
const REPAIR = 'run extract again to compute what is missing';

/** Why there is no store at `dir`; those of a dataset lie side by side in its folder. */
async function notAStore(dir: string, thrown: unknown): Promise<InputError> {
  if (!['ENOENT', 'ENOTDIR'].includes(codeOf(thrown)))
    return diskError('read', join(dir, MANIFEST_FILE), thrown);
  const names = await disk.readdir(dir).catch((): string[] => []);
  const stores: string[] = [];
  for (const name of names) {
    const inside = join(dir, name);
    if (await disk.stat(join(inside, MANIFEST_FILE)).catch(() => undefined)) stores.push(inside);
  }
  if (codeOf(thrown) === 'ENOTDIR')
    return new InputError(`No feature store at ${dir}: it is a file, not a folder`);
  const hint =
    stores.length > 0
      ? ` (did you mean ${stores.slice(0, 3).join(' or ')}?)`
      : ': run permafrost extract first';
  return new InputError(`No feature store at ${dir}${hint}`);
}

/**
 * Opens a feature store and checks its manifest.
 * @throws InputError when there is no store at `dir` or its manifest is damaged; `parts()` throws for a part that is
 *   missing, truncated or altered
 */
export async function openStore(dir: string): Promise<FeatureStore> {
  checkValue(text, dir, 'the folder');
  const path = join(dir, MANIFEST_FILE);
  const json = await disk.readFile(path).catch(async (thrown: unknown) => {
    throw await notAStore(dir, thrown);
  });
  const manifest = checkManifest(parseJson(decodeText(json, path), path), path);
  return {
    dir,
    manifest,
    rows: manifest.counts.rows,
    columns: manifest.columns,
    async *parts() {
      for (const entry of manifest.parts) yield await readPart(dir, manifest, entry);
    },
  };
}

/**
 * The manifest of an unfinished run that adds columns; undefined where there is none.
 * @throws InputError for one that is damaged or cannot be read
 */
export async function readAdding(dir: string): Promise<StoreManifest | undefined> {
  const path = join(dir, ADDING_FILE);
  const json = await disk.readFile(path).catch((thrown: unknown) => {
    if (codeOf(thrown) === 'ENOENT') return undefined;
    throw diskError('read', path, thrown);
  });
  return json && checkManifest(parseJson(decodeText(json, path), path), path);
}

/**
 * Reads one part after comparing its length and SHA-256 with the manifest.
 * @param memory default: of its own
 * @throws InputError naming the file and what differs
 */
export async function readPart(
  dir: string,
  manifest: StoreManifest,
  entry: PartEntry,
  memory = ownMemory,
): Promise<StorePart> {
  const path = join(dir, entry.file);
  const bytes = await readChecked(path, entry, { memory, damaged });
  const part = decodePart(bytes, manifest.columns, manifest.pipeline.dtype, path);
  const rows = part.paths.length;
  if (rows !== entry.rows) throw unexpected(`${entry.rows} rows`, path, rows);
  return { ...part, rows, entry };
}

function damaged(problem: string): InputError {
  return new InputError(`Damaged feature store: ${problem}; ${REPAIR}`);
}
