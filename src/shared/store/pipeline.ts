/** Whether features of two pipelines can stand side by side. */
import { createHash } from 'node:crypto';
import type { FeatureColumn, Pipeline } from './schema.ts';

/** What {@link pipelineDifferences} compares. */
export interface Origin {
  pipeline: Pipeline;
  columns: readonly FeatureColumn[];
}

/**
 * The fields in which two pipelines differ, each as `size 48x64 (there: 64x48)`; none when their features can stand
 * side by side. Engine and program versions only trace where features came from.
 */
export function pipelineDifferences(here: Origin, there: Origin): string[] {
  const asked = comparable(here);
  const found = comparable(there);
  return Object.keys(asked)
    .filter((field) => found[field] !== asked[field])
    .map((field) => `${field} ${asked[field]} (there: ${found[field]})`);
}

/** Eight hex digits that are equal for pipelines without {@link pipelineDifferences}, and hardly for others. */
export function pipelineFingerprint(origin: Origin): string {
  return createHash('sha256')
    .update(JSON.stringify(comparable(origin)))
    .digest('hex')
    .slice(0, 8);
}

/** The fields that decide. */
function comparable({ pipeline, columns }: Origin): Record<string, string> {
  const { backbone, weightsHash, size, preprocessing, resize, precision, dtype } = pipeline;
  return {
    backbone,
    'weights with SHA-256': weightsHash,
    size: `${size.width}x${size.height}`,
    pooling: columns.map(({ name, dimension }) => `${name}[${dimension}]`).join(' '),
    preprocessing,
    resize,
    precision,
    dtype,
  };
}
