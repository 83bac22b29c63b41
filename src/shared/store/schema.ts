/** What a feature store's manifest.json says, and the check that it says it. */
import { expectedMessage, InputError } from '../errors.ts';

/** The part of the data an image belongs to, where the data say so. */
export type Split = 'train' | 'val' | 'test';
export const SPLITS = ['train', 'val', 'test'] as const satisfies Split[];

/** Types that features are stored in. */
export const DTYPES = ['float32', 'float16'] as const;
export type Dtype = (typeof DTYPES)[number];

/** How features came from images: what must be equal for two features to be comparable, and what helps to trace them. */
export interface Pipeline {
  /** The backbone's name in the registry. */
  backbone: string;
  /** Where its weights came from, in words (`imagenet`, `none`, a file name). */
  weights: string;
  /** SHA-256 of its weights, in hex: decides, where `weights` only describes. */
  weightsHash: string;
  /** Of the images as the backbone sees them, in pixels. */
  size: { width: number; height: number };
  /** Poolings asked for, in column order. */
  poolings: string[];
  /** The pixel normalisation inside the backbone's graph. */
  preprocessing: string;
  /** The resampling from the image's size to `size`. */
  resize: string;
  /** What the backbone computed in. */
  precision: string;
  dtype: Dtype;
  /** The runtime; engines agree to rounding, so this is a record, not a condition. */
  engine: { name: string; version: string };
  /** The version of permafrost, a record like the engine. */
  version: string;
}

/** One file of rows. */
export interface PartEntry {
  /** Name inside the store: `part-00000.arrow`. */
  file: string;
  rows: number;
  bytes: number;
  /** SHA-256 of the file, in hex. */
  sha256: string;
}

/** One feature column. */
export interface FeatureColumn {
  /** The pooling (`avg`), or `<layer>/<pooling>`. */
  name: string;
  /** Features in each row. */
  dimension: number;
}

/** manifest.json. It is replaced as a whole, after the parts it lists: what it does not list does not count. */
export interface StoreManifest {
  format: typeof FORMAT;
  formatVersion: typeof FORMAT_VERSION;
  /** False while an extraction is under way or was interrupted: rows may be missing, and rows of an earlier state may be left. */
  complete: boolean;
  pipeline: Pipeline;
  /** In code-unit order. */
  classes: string[];
  columns: FeatureColumn[];
  parts: PartEntry[];
  counts: {
    /** Images of the dataset, usable or not. */
    images: number;
    /** Rows in all parts. */
    rows: number;
    /** Images listed in errors.jsonl. */
    failed: number;
  };
}

export const FORMAT = 'permafrost-features';
export const FORMAT_VERSION = 1;
export const MANIFEST_FILE = 'manifest.json';
export const ERRORS_FILE = 'errors.jsonl';

/** Names of part files; anything else in a manifest is refused, so no path can lead out of the store. */
export const PART_FILE = /^part-\d{5,9}\.arrow$/;

/** A backbone's features are a few thousand numbers; a flattened VGG16 at 1024 px has half a million. */
const MAX_DIMENSION = 1 << 24;
const SHA256 = /^[0-9a-f]{64}$/;

/**
 * Checks a parsed manifest.json, field by field.
 * @param where names the file in messages
 * @throws InputError with the field and the value that does not fit
 */
export function checkManifest(value: unknown, where: string): StoreManifest {
  const at = (field: string) => `${field} of ${where}`;
  const manifest = record(value, where);
  literal(manifest.format, FORMAT, at('format'));
  literal(manifest.formatVersion, FORMAT_VERSION, at('formatVersion'));
  if (typeof manifest.complete !== 'boolean')
    throw refused('true or false', at('complete'), manifest.complete);
  const checked: StoreManifest = {
    format: FORMAT,
    formatVersion: FORMAT_VERSION,
    complete: manifest.complete,
    pipeline: checkPipeline(record(manifest.pipeline, at('pipeline')), at),
    classes: list(manifest.classes, at('classes')).map((name, i) => text(name, at(`classes[${i}]`))),
    columns: list(manifest.columns, at('columns')).map((entry, i) => {
      const column = record(entry, at(`columns[${i}]`));
      return {
        name: text(column.name, at(`columns[${i}].name`)),
        dimension: whole(column.dimension, at(`columns[${i}].dimension`), 1, MAX_DIMENSION),
      };
    }),
    parts: list(manifest.parts, at('parts')).map((entry, i) =>
      checkPart(record(entry, at(`parts[${i}]`)), at, i),
    ),
    counts: checkCounts(record(manifest.counts, at('counts')), at),
  };
  if (checked.columns.length === 0) throw refused('at least one column', at('columns'), checked.columns);
  distinct(
    checked.columns.map(({ name }) => name),
    at('columns'),
  );
  distinct(
    checked.parts.map(({ file }) => file),
    at('parts'),
  );
  const rows = checked.parts.reduce((sum, part) => sum + part.rows, 0);
  if (rows !== checked.counts.rows)
    throw refused(`${rows}, the rows of all parts,`, at('counts.rows'), checked.counts.rows);
  return checked;
}

export type Fields = Record<string, unknown>;
export type At = (field: string) => string;

/** Checks the `pipeline` of a manifest or of a head. */
export function checkPipeline(fields: Fields, at: At): Pipeline {
  const size = record(fields.size, at('pipeline.size'));
  const engine = record(fields.engine, at('pipeline.engine'));
  const field = (name: string) => text(fields[name], at(`pipeline.${name}`));
  const dtype = DTYPES.find((known) => known === fields.dtype);
  if (!dtype) throw refused(`one of ${DTYPES.join(', ')}`, at('pipeline.dtype'), fields.dtype);
  return {
    backbone: field('backbone'),
    weights: field('weights'),
    weightsHash: field('weightsHash'),
    size: {
      width: whole(size.width, at('pipeline.size.width'), 1, 1 << 16),
      height: whole(size.height, at('pipeline.size.height'), 1, 1 << 16),
    },
    poolings: list(fields.poolings, at('pipeline.poolings')).map((name, i) =>
      text(name, at(`pipeline.poolings[${i}]`)),
    ),
    preprocessing: field('preprocessing'),
    resize: field('resize'),
    precision: field('precision'),
    dtype,
    engine: {
      name: text(engine.name, at('pipeline.engine.name')),
      version: text(engine.version, at('pipeline.engine.version')),
    },
    version: field('version'),
  };
}

function checkPart(fields: Fields, at: At, index: number): PartEntry {
  const where = (field: string) => at(`parts[${index}].${field}`);
  const file = text(fields.file, where('file'));
  if (!PART_FILE.test(file)) throw refused('a name like part-00000.arrow', where('file'), file);
  const sha256 = text(fields.sha256, where('sha256'));
  if (!SHA256.test(sha256)) throw refused('64 hexadecimal digits', where('sha256'), sha256);
  return {
    file,
    rows: whole(fields.rows, where('rows'), 1, 2 ** 31 - 1),
    bytes: whole(fields.bytes, where('bytes'), 1, 2 ** 31 - 1),
    sha256,
  };
}

function checkCounts(fields: Fields, at: At): StoreManifest['counts'] {
  const count = (name: string) => whole(fields[name], at(`counts.${name}`), 0, Number.MAX_SAFE_INTEGER);
  return { images: count('images'), rows: count('rows'), failed: count('failed') };
}

function refused(what: string, where: string, received: unknown): InputError {
  return new InputError(expectedMessage(what, where, received));
}

function record(value: unknown, where: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw refused('an object', where, value);
  return value as Fields;
}

function list(value: unknown, where: string): unknown[] {
  if (!Array.isArray(value)) throw refused('a list', where, value);
  return value;
}

function text(value: unknown, where: string): string {
  if (typeof value !== 'string' || value === '') throw refused('text', where, value);
  return value;
}

function whole(value: unknown, where: string, from: number, to: number): number {
  if (!Number.isSafeInteger(value) || (value as number) < from || (value as number) > to) {
    throw refused(`a whole number from ${from} to ${to}`, where, value);
  }
  return value as number;
}

function literal(value: unknown, expected: string | number, where: string): void {
  if (value !== expected) throw refused(JSON.stringify(expected), where, value);
}

function distinct(names: string[], where: string): void {
  if (new Set(names).size < names.length) throw refused('each name once', where, names);
}
