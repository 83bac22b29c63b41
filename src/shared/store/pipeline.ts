/** Whether features of two pipelines can stand side by side. */
import { createHash } from 'node:crypto';
import type { FeatureColumn, ImagePipeline, Pipeline } from './schema.ts';

/**
 * The version of everything between pixels and features that no other field of the pipeline tells: decoding,
 * resizing, the drawing of views, the networks' graphs, pooling. Raise it with any change after which an image's
 * features differ by more than rounding (beyond 1e-4 of their size): stores made before are then computed again, and
 * heads trained on them ask for it. Faster code for the same numbers, another engine or version of one leaves it.
 */
export const MATHS_VERSION = 2;

/** What {@link pipelineDifferences} compares. */
export interface Origin {
  pipeline: Pipeline;
  /** Left out where stores of other columns are the same. */
  columns?: readonly FeatureColumn[];
  /** How views are made (see augmentation.ts); left out where only images themselves are compared. */
  augment?: string | null;
}

/**
 * The fields in which two pipelines differ, each as `size 48x64 (there: 64x48)`; none when their features can stand
 * side by side. Engine and program versions only trace where features came from.
 */
export function pipelineDifferences(here: Origin, there: Origin): string[] {
  return differingFields(comparable(here), comparable(there));
}

/** The fields that two records of what decides differ in, as {@link pipelineDifferences} tells them. */
export function differingFields(
  requested: Readonly<Record<string, string>>,
  found: Readonly<Record<string, string>>,
): string[] {
  return Object.keys({ ...requested, ...found })
    .filter((field) => found[field] !== requested[field])
    .map((field) => `${field} ${requested[field] ?? 'none'} (there: ${found[field] ?? 'none'})`);
}

/** Eight hex digits that are equal for pipelines without {@link pipelineDifferences}, and hardly for others. */
export function pipelineFingerprint(origin: Origin): string {
  return fingerprintOf(comparable(origin));
}

/** Eight hex digits that are equal for equal fields in the same order, and hardly for others. */
export function fingerprintOf(fields: Readonly<Record<string, string>>): string {
  return createHash('sha256').update(JSON.stringify(fields)).digest('hex').slice(0, 8);
}

/** The fields that features and activations of the same images share. */
export function imageFields(pipeline: Omit<ImagePipeline, 'engine'>): Record<string, string> {
  const { backbone, weightsHash, size, preprocessing, resize, precision, maths } = pipeline;
  return {
    backbone,
    'weights with SHA-256': weightsHash,
    size: `${size.width}x${size.height}`,
    preprocessing,
    resize,
    precision,
    maths: `version ${maths}`,
  };
}

/** The fields that decide, in the order that fingerprints depend on. */
function comparable({ pipeline, columns, augment }: Origin): Record<string, string> {
  const { maths, preprocessing, resize, precision, ...images } = imageFields(pipeline);
  return {
    ...images,
    ...(columns && { pooling: columns.map(({ name, dimension }) => `${name}[${dimension}]`).join(' ') }),
    preprocessing,
    resize,
    precision,
    dtype: pipeline.dtype,
    maths,
    ...(typeof augment === 'string' && { views: augment }),
  };
}
