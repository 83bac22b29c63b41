/** What a feature store's manifest.json says, and the check that it says it. */

import { createHash } from 'node:crypto';
import { InputError, unexpected } from '../errors.ts';
import { asBoolean, asList, asMatching, asObject, asOneOf, asText, asWhole, type Fields } from '../fields.ts';
import { MAX_PIXELS, type Size } from '../images/resize.ts';

/** What an image is for: training, validation or test. */
export type Split = 'train' | 'val' | 'test';
export const SPLITS = ['train', 'val', 'test'] as const satisfies Split[];

/** Types that features are stored in. */
export const DTYPES = ['float32', 'float16'] as const;
export type Dtype = (typeof DTYPES)[number];
/** Bytes of a number in a part. */
export const NUMBER_BYTES: Readonly<Record<Dtype, number>> = { float32: 4, float16: 2 };

/** How a network came to see images: what must be equal for its numbers to be comparable, and what helps to trace them. */
export interface ImagePipeline {
  /** The backbone's name in the registry. */
  backbone: string;
  /** Where its weights came from, in words (`imagenet`, `none`, a file name). */
  weights: string;
  /** SHA-256 of its weights, in hex: decides, where `weights` only describes. */
  weightsHash: string;
  /** Of the images as the backbone sees them, in pixels. */
  size: Size;
  /** The pixel normalisation inside the backbone's graph. */
  preprocessing: string;
  /** The resampling from the image's size to `size`. */
  resize: string;
  /** What the backbone computed in. */
  precision: string;
  /** {@link MATHS_VERSION} when it was made; 1 where a manifest does not say. */
  maths: number;
  /** The runtime; engines agree to rounding, so this is a record, not a condition. */
  engine: { name: string; version: string };
  /** The version of permafrost, a record like the engine. */
  version: string;
}

/** How features came from images. */
export interface Pipeline extends ImagePipeline {
  /** Requested poolings, in column order. */
  poolings: string[];
  dtype: Dtype;
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
  formatVersion: FormatVersion;
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
  /** Which part of the dataset this is, where several machines share the work. */
  shard: Shard | null;
  /** How the views of each image were made, apart from their number; null without views. */
  augment: string | null;
}

/** Part `index` (from 1) of `of` equal parts of a dataset. */
export interface Shard {
  index: number;
  of: number;
}

export const FORMAT = 'permafrost-features';
/** 2: rows have `group` and `phash`; the manifest has `shard`, `augment` and a seal. Version 1 stays readable. */
export const FORMAT_VERSION = 2;
const READABLE_VERSIONS = [1, FORMAT_VERSION] as const;
export type FormatVersion = (typeof READABLE_VERSIONS)[number];
export const MANIFEST_FILE = 'manifest.json';
/** Beside a manifest: that of the parts with which a run that adds columns will replace the store's. */
export const ADDING_FILE = 'adding.json';
export const ERRORS_FILE = 'errors.jsonl';
export const CONFLICTS_FILE = 'conflicts.jsonl';
export const FILES_FILE = 'files.jsonl';
export const PHOTOS_FILE = 'photos.json';

/** Names of part files; anything else in a manifest is refused, so no path can lead out of the store. */
export const PART_FILE = /^part-\d{5,9}\.arrow$/;

/** A backbone's features are a few thousand numbers; a flattened VGG16 at 1024 px has half a million. */
const MAX_DIMENSION = 1 << 24;
const SHA256 = /^[0-9a-f]{64}$/;

/** The text of a manifest.json: its last field, `seal`, is the SHA-256 of the manifest without it, as JSON. */
export function sealManifest(manifest: object): string {
  return `${JSON.stringify({ ...manifest, seal: sealOf(manifest) }, null, 2)}\n`;
}

function sealOf(manifest: object): string {
  return createHash('sha256').update(JSON.stringify(manifest)).digest('hex');
}

/**
 * Checks a parsed manifest.json, field by field, and then its seal.
 * @param where names the file in messages
 * @throws InputError with the field and the value that does not fit
 */
export function checkManifest(value: unknown, where: string): StoreManifest {
  const field = (name: string) => `${name} of ${where}`;
  const manifest = asObject(value, where);
  if (manifest.format !== FORMAT) throw unexpected(JSON.stringify(FORMAT), field('format'), manifest.format);
  const formatVersion = READABLE_VERSIONS.find((version) => version === manifest.formatVersion);
  if (formatVersion === undefined) {
    throw unexpected(READABLE_VERSIONS.join(' or '), field('formatVersion'), manifest.formatVersion);
  }
  const checked: StoreManifest = {
    format: FORMAT,
    formatVersion,
    complete: asBoolean(manifest.complete, field('complete')),
    pipeline: checkPipeline(asObject(manifest.pipeline, field('pipeline')), field),
    classes: asList(manifest.classes, field('classes')).map((name, i) =>
      asText(name, field(`classes[${i}]`)),
    ),
    columns: checkColumns(manifest.columns, field),
    parts: checkParts(manifest.parts, field),
    counts: checkCounts(asObject(manifest.counts, field('counts')), field),
    shard: formatVersion === 1 ? null : checkShard(manifest.shard, field),
    augment:
      formatVersion === 1 || manifest.augment === null ? null : asText(manifest.augment, field('augment')),
  };
  if (checked.columns.length === 0)
    throw unexpected('at least one column', field('columns'), checked.columns);
  const rowBytes =
    NUMBER_BYTES[checked.pipeline.dtype] * checked.columns.reduce((sum, { dimension }) => sum + dimension, 0);
  checkRows(checked, rowBytes, field);
  if (formatVersion !== 1) checkSeal(manifest, where);
  return checked;
}

/**
 * Fields that read well may still be others than were written; the seal says so.
 * @param what a folder of such a manifest is
 */
export function checkSeal({ seal, ...content }: Fields, where: string, what = 'feature store'): void {
  if (seal === sealOf(content)) return;
  throw new InputError(
    `Damaged ${what}: ${where} was changed after it was written (its checksum does not match)`,
  );
}

function checkShard(value: unknown, field: FieldName): Shard | null {
  if (value === null) return null;
  const { index, of } = asObject(value, field('shard'));
  const count = asWhole(of, field('shard.of'), 1, Number.MAX_SAFE_INTEGER);
  return { index: asWhole(index, field('shard.index'), 1, count), of: count };
}

/** The full name of a manifest's field, for messages. */
export type FieldName = (name: string) => string;

/** Checks the `columns` of a manifest. */
export function checkColumns(value: unknown, field: FieldName): FeatureColumn[] {
  const columns = asList(value, field('columns')).map((entry, i) => {
    const column = asObject(entry, field(`columns[${i}]`));
    return {
      name: asText(column.name, field(`columns[${i}].name`)),
      dimension: asWhole(column.dimension, field(`columns[${i}].dimension`), 1, MAX_DIMENSION),
    };
  });
  distinct(
    columns.map(({ name }) => name),
    field('columns'),
  );
  return columns;
}

/** Checks the `parts` of a manifest. */
export function checkParts(value: unknown, field: FieldName): PartEntry[] {
  const parts = asList(value, field('parts')).map((entry, i) =>
    checkPart(asObject(entry, field(`parts[${i}]`)), field, i),
  );
  distinct(
    parts.map(({ file }) => file),
    field('parts'),
  );
  return parts;
}

/**
 * Checks that parts have room for their rows, and that the manifest counts them.
 * @param rowBytes that each row takes at least
 */
export function checkRows(
  { parts, counts }: { parts: readonly PartEntry[]; counts: { rows: number } },
  rowBytes: number,
  field: FieldName,
): void {
  for (const [i, part] of parts.entries())
    if (part.rows * rowBytes > part.bytes)
      throw unexpected(
        `at most ${Math.floor(part.bytes / rowBytes)} rows in ${part.bytes} bytes`,
        field(`parts[${i}].rows`),
        part.rows,
      );
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  if (rows !== counts.rows)
    throw unexpected(`${rows}, the rows of all parts,`, field('counts.rows'), counts.rows);
}

/** Checks the `pipeline` of a manifest or of a head. */
export function checkPipeline(fields: Fields, field: FieldName): Pipeline {
  return {
    ...checkImagePipeline(fields, field),
    poolings: asList(fields.poolings, field('pipeline.poolings')).map((name, i) =>
      asText(name, field(`pipeline.poolings[${i}]`)),
    ),
    dtype: asOneOf(fields.dtype, field('pipeline.dtype'), DTYPES),
  };
}

/** Checks what the pipelines of features and of activations have in common. */
export function checkImagePipeline(fields: Fields, field: FieldName): ImagePipeline {
  const size = asObject(fields.size, field('pipeline.size'));
  const engine = asObject(fields.engine, field('pipeline.engine'));
  const text = (name: string) => asText(fields[name], field(`pipeline.${name}`));
  const width = asWhole(size.width, field('pipeline.size.width'), 1, MAX_PIXELS);
  return {
    backbone: text('backbone'),
    weights: text('weights'),
    weightsHash: text('weightsHash'),
    size: {
      width,
      height: asWhole(size.height, field('pipeline.size.height'), 1, Math.floor(MAX_PIXELS / width)),
    },
    preprocessing: text('preprocessing'),
    resize: text('resize'),
    precision: text('precision'),
    maths: asWhole(fields.maths ?? 1, field('pipeline.maths'), 1, Number.MAX_SAFE_INTEGER),
    engine: {
      name: asText(engine.name, field('pipeline.engine.name')),
      version: asText(engine.version, field('pipeline.engine.version')),
    },
    version: text('version'),
  };
}

function checkPart(fields: Fields, field: FieldName, index: number): PartEntry {
  const where = (name: string) => field(`parts[${index}].${name}`);
  return {
    file: asMatching(fields.file, where('file'), PART_FILE, 'a name like part-00000.arrow'),
    rows: asWhole(fields.rows, where('rows'), 1, 2 ** 31 - 1),
    bytes: asWhole(fields.bytes, where('bytes'), 1, 2 ** 31 - 1),
    sha256: asMatching(fields.sha256, where('sha256'), SHA256, '64 hexadecimal digits'),
  };
}

function checkCounts(fields: Fields, field: FieldName): StoreManifest['counts'] {
  const count = (name: string) => asWhole(fields[name], field(`counts.${name}`), 0, Number.MAX_SAFE_INTEGER);
  return { images: count('images'), rows: count('rows'), failed: count('failed') };
}

function distinct(names: string[], where: string): void {
  if (new Set(names).size < names.length) throw unexpected('each name once', where, names);
}
