/** What the manifest.json of cached activations says, and the check that it says it. */
import { join } from 'node:path';
import { decodeText } from '../../encoding.ts';
import { InputError, messageOf, unexpected } from '../../errors.ts';
import {
  asBoolean,
  asList,
  asObject,
  asOneOf,
  asText,
  asWhole,
  type Fields,
  parseJson,
} from '../../fields.ts';
import { codeOf, disk, diskError } from '../files.ts';
import { differingFields, fingerprintOf, imageFields } from '../pipeline.ts';
import {
  checkColumns,
  checkImagePipeline,
  checkParts,
  checkRows,
  checkSeal,
  type FeatureColumn,
  type FieldName,
  type ImagePipeline,
  MANIFEST_FILE,
  type PartEntry,
} from '../schema.ts';
import {
  ACTIVATION_BYTES,
  ACTIVATION_DTYPES,
  type ActivationDtype,
  type ActivationLayout,
  activationLength,
} from './request.ts';

/** How activations came from images: those of another pipeline are never used. */
export interface ActivationPipeline extends ImagePipeline {
  /** Where the network is cut. */
  cut: {
    /** The layer whose output is kept. */
    layer: string;
    /** Height, width and channels. */
    shape: readonly number[];
    /** Whether only every second row and column is kept. */
    isHalved: boolean;
  };
  dtype: ActivationDtype;
  /** How views were made, apart from their number; null: these are the images themselves. */
  augment: string | null;
}

/** manifest.json. It is replaced as a whole, after the parts it lists. */
export interface ActivationManifest {
  format: typeof ACTIVATIONS_FORMAT;
  formatVersion: typeof FORMAT_VERSION;
  /** False while activations are computed or after that was interrupted: what is listed counts all the same. */
  complete: boolean;
  pipeline: ActivationPipeline;
  /** Features that are computed before the cut. */
  columns: readonly FeatureColumn[];
  parts: PartEntry[];
  counts: { rows: number };
}

export const ACTIVATIONS_FORMAT = 'permafrost-activations';
const FORMAT_VERSION = 1;

/** The folder of a store that its activations are in, unless they are elsewhere. */
export const ACTIVATIONS_FOLDER = 'activations';

/** No network keeps more of an image: 512 feature maps of 181x181. */
const MAX_LENGTH = 1 << 24;

/** A manifest without parts. */
export function emptyManifest(
  pipeline: ActivationPipeline,
  columns: readonly FeatureColumn[],
): ActivationManifest {
  return {
    format: ACTIVATIONS_FORMAT,
    formatVersion: FORMAT_VERSION,
    complete: false,
    pipeline,
    columns,
    parts: [],
    counts: { rows: 0 },
  };
}

/** What each row of a cache holds. */
export function layoutOf({ pipeline, columns }: ActivationOrigin): ActivationLayout {
  return { shape: pipeline.cut.shape, dtype: pipeline.dtype, columns };
}

/** Bytes of the numbers of each row. */
export function rowBytes(layout: ActivationLayout): number {
  const { shape, dtype, columns } = layout;
  const scales = dtype === 'int8' ? 2 * shape[2] : 0;
  const features = columns.reduce((sum, { dimension }) => sum + dimension, 0);
  return activationLength(layout) * ACTIVATION_BYTES[dtype] + scales + 4 * features;
}

/** Bytes of a part beside its numbers: the schema in front and behind, and for each row its hash, view, and the end of its path. */
const PART_OVERHEAD = 2200;
const ROW_OVERHEAD = 32 + 2 + 4;

/**
 * Bytes that rows will take on disk, to 1 %.
 * @param paths bytes of the rows' paths
 */
export function expectedBytes(
  layout: ActivationLayout,
  { rows, parts, paths }: { rows: number; parts: number; paths: number },
): number {
  return rows * (rowBytes(layout) + ROW_OVERHEAD) + paths + parts * PART_OVERHEAD;
}

/**
 * The manifest of the activations in a folder; undefined where there are none.
 * @param damaged told what is wrong with a manifest, which then counts as none; default: it is thrown
 * @throws InputError for one that is damaged, or cannot be read
 */
export async function readActivationManifest(
  dir: string,
  damaged?: (problem: string) => void,
): Promise<ActivationManifest | undefined> {
  const path = join(dir, MANIFEST_FILE);
  const json = await disk.readFile(path).catch((thrown: unknown) => {
    if (codeOf(thrown) === 'ENOENT') return undefined;
    throw diskError('read', path, thrown);
  });
  try {
    return json && checkActivationManifest(parseJson(decodeText(json, path), path), path);
  } catch (thrown) {
    if (!damaged) throw thrown;
    damaged(messageOf(thrown));
    return undefined;
  }
}

/**
 * Checks a parsed manifest.json, field by field, and then its seal.
 * @param where names the file in messages
 * @throws InputError with the field and the value that does not fit
 */
function checkActivationManifest(value: unknown, where: string): ActivationManifest {
  const field = (name: string) => `${name} of ${where}`;
  const manifest = asObject(value, where);
  if (manifest.format !== ACTIVATIONS_FORMAT)
    throw unexpected(JSON.stringify(ACTIVATIONS_FORMAT), field('format'), manifest.format);
  if (manifest.formatVersion !== FORMAT_VERSION)
    throw unexpected(`${FORMAT_VERSION}`, field('formatVersion'), manifest.formatVersion);
  const checked: ActivationManifest = {
    ...emptyManifest(
      checkPipeline(asObject(manifest.pipeline, field('pipeline')), field),
      checkColumns(manifest.columns, field),
    ),
    complete: asBoolean(manifest.complete, field('complete')),
    parts: checkParts(manifest.parts, field),
    counts: {
      rows: asWhole(
        asObject(manifest.counts, field('counts')).rows,
        field('counts.rows'),
        0,
        Number.MAX_SAFE_INTEGER,
      ),
    },
  };
  checkRows(checked, rowBytes(layoutOf(checked)), field);
  checkSeal(manifest, where, 'activation cache');
  return checked;
}

function checkPipeline(fields: Fields, field: FieldName): ActivationPipeline {
  const cut = asObject(fields.cut, field('pipeline.cut'));
  const shape = asList(cut.shape, field('pipeline.cut.shape')).map((length, i) =>
    asWhole(length, field(`pipeline.cut.shape[${i}]`), 1, MAX_LENGTH),
  );
  if (shape.length !== 3 || activationLength({ shape }) > MAX_LENGTH)
    throw unexpected(
      `height, width and channels of at most ${MAX_LENGTH} numbers`,
      field('pipeline.cut.shape'),
      shape,
    );
  const { augment } = fields;
  return {
    ...checkImagePipeline(fields, field),
    cut: {
      layer: asText(cut.layer, field('pipeline.cut.layer')),
      shape,
      isHalved: asBoolean(cut.isHalved, field('pipeline.cut.isHalved')),
    },
    dtype: asOneOf(fields.dtype, field('pipeline.dtype'), ACTIVATION_DTYPES),
    augment: augment === null ? null : asText(augment, field('pipeline.augment')),
  };
}

/** What decides whether activations are the same. */
export interface ActivationOrigin {
  pipeline: Omit<ActivationPipeline, 'engine'>;
  columns: readonly FeatureColumn[];
}

/**
 * The fields in which the pipelines of activations differ, each as `dtype int8 (there: float16)`; none when those of one are
 * those of the other.
 */
function activationDifferences(here: ActivationOrigin, there: ActivationOrigin): string[] {
  return differingFields(comparable(here), comparable(there));
}

/** The folder of activations among others: `conv4_block6_out-0f3a99c1`, equal only for the same pipeline. */
export function activationFolder(origin: ActivationOrigin): string {
  const layer = origin.pipeline.cut.layer.replace(/[^\w.-]/g, '_').slice(0, 64);
  return `${layer}-${fingerprintOf(comparable(origin))}`;
}

/** The fields that decide: engines agree to rounding, so they only trace. */
function comparable({ pipeline, columns }: ActivationOrigin): Record<string, string> {
  const { cut, dtype, augment } = pipeline;
  return {
    ...imageFields(pipeline),
    cut: `${cut.layer}[${cut.shape.join('x')}]${cut.isHalved ? ', every second pixel' : ''}`,
    features: columns.map(({ name, dimension }) => `${name}[${dimension}]`).join(' ') || 'none',
    dtype,
    views: augment ?? 'none',
    format: `version ${FORMAT_VERSION}`,
  };
}

/** @throws InputError when a folder's activations were computed in another way than requested */
export function checkSameActivations(
  dir: string,
  requested: ActivationOrigin,
  found: ActivationOrigin,
): void {
  const differing = activationDifferences(requested, found);
  if (differing.length > 0)
    throw new InputError(
      `${dir} holds activations that were computed differently: ${differing.join(', ')}. Give another --cache, or delete that folder`,
    );
}
