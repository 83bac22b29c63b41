/** How right the best heads are on the images they train on, epoch by epoch: what a sweep has no time to measure. */

import type { TrainingData } from '../../shared/dataset/data.ts';
import { spreadRows } from '../../shared/dataset/row-numbers.ts';
import { isInMemory } from '../../shared/dataset/rows.ts';
import { sharedBytes, sharedFloats } from '../../shared/dataset/shared-memory.ts';
import type { Metrics, Normalization } from '../../shared/head/config.ts';
import { configurationId, type HeadJob } from '../../shared/search/configurations.ts';
import type { HeadResult } from '../../shared/training/result.ts';
import { trainOnceMore } from './contenders.ts';
import type { Found, Search } from './search.ts';

/** Training images that are looked at after each epoch, spread evenly. */
const MAX_SAMPLED = 500;
/** Numbers of a training matrix that is small enough to be copied. */
const MAX_NUMBERS = 2e7;

/**
 * Metrics of some training rows after each epoch, by head. The heads are trained again with those rows in the place of
 * the validation split, which has no influence on how they train; heads on which it has (plateau schedules), that have no
 * epochs (lbfgs), or whose data are large are left out.
 */
export async function trainingCurves(
  found: Found,
  heads: readonly HeadResult[],
  search: Search,
): Promise<Map<string, Metrics[]>> {
  const { rows } = found.prepared.data;
  if (rows.val === 0 || search.signal.aborted) return new Map();
  const curves = new Map<string, Metrics[]>();
  for (const [source, data] of found.data) {
    const own = heads.filter(
      ({ id, config }) =>
        sourceOf(id, search) === source && config.schedule !== 'plateau' && config.optimizer !== 'lbfgs',
    );
    if (own.length === 0 || rows.train * data.inputs > MAX_NUMBERS) continue;
    const watched = watching(data, new Set(own.map(({ config }) => config.normalize)));
    if (!watched) continue;
    const jobs = own.map(({ id, config, epochs }): HeadJob => {
      return { id, config: { ...config, earlyStopping: 0 }, source, lastEpoch: epochs };
    });
    for (const { result } of await trainOnceMore(jobs, new Map([[source, watched]]), search))
      curves.set(
        result.id,
        result.history.map(({ val }) => val),
      );
  }
  return curves;
}

/** What the heads of a configuration were trained on. */
function sourceOf(jobId: string, { configurations }: Search): number {
  return configurations.find(({ id }) => id === configurationId(jobId))?.source ?? 0;
}

/** The training rows, and some of them once more as the validation split. Undefined where they are in a file. */
function watching(data: TrainingData, normalizations: ReadonlySet<Normalization>): TrainingData | undefined {
  const { rows, inputs, classes, targets, weights } = data;
  const sample = spreadRows(rows.train, MAX_SAMPLED);
  const count = sample.length;
  const features: TrainingData['features'] = {};
  for (const normalize of normalizations) {
    const matrix = data.features[normalize];
    if (!matrix || !isInMemory(matrix)) return undefined;
    const own = sharedFloats((rows.train + count) * inputs);
    copyRows(matrix, own, { width: inputs, train: rows.train, sample });
    features[normalize] = own;
  }
  const ownTargets = sharedBytes((rows.train + count) * classes);
  copyRows(targets, ownTargets, { width: classes, train: rows.train, sample });
  const ownWeights = weights && sharedFloats(rows.train + count);
  if (weights && ownWeights) copyRows(weights, ownWeights, { width: 1, train: rows.train, sample });
  return {
    ...data,
    features,
    targets: ownTargets,
    rows: { train: rows.train, val: count, test: 0 },
    ...(ownWeights && { weights: ownWeights }),
  };
}

function copyRows<A extends Float32Array | Uint8Array>(
  from: A,
  to: A,
  { width, train, sample }: { width: number; train: number; sample: Int32Array },
): void {
  to.set(from.subarray(0, train * width));
  for (const [index, row] of sample.entries())
    to.set(from.subarray(row * width, (row + 1) * width), (train + index) * width);
}
