/** A head's input normalisation as a graph. */
import { softsign } from '../graph/activations.ts';
import * as build from '../graph/build.ts';
import type { Value } from '../graph/value.ts';
import type { Normalization } from './config.ts';

/** Gives one of the head's statistics: `normalize/mean`, `normalize/deviation`. */
type Statistic = (name: string) => Value;

/** Normalises features [batch, inputs] as heads that train on a matrix have it done beforehand. */
export function normalizeFeatures(features: Value, normalize: Normalization, statistic: Statistic): Value {
  return NORMALIZE[normalize](features, statistic);
}

const NORMALIZE: Readonly<Record<Normalization, (x: Value, statistic: Statistic) => Value>> = {
  none: (x) => x,
  standardize: (x, statistic) =>
    build.div(build.sub(x, statistic('normalize/mean')), statistic('normalize/deviation')),
  l2: unitLength,
  softsign(x, statistic) {
    const deviation = statistic('normalize/deviation');
    const mean = build.reduceMean(deviation, { axes: [0], keepDims: true });
    return unitLength(softsign(build.div(x, build.sqrt(build.mul(deviation, mean)))));
  },
};

function unitLength(x: Value): Value {
  const squares = build.reduceSum(build.mul(x, x), { axes: [1], keepDims: true });
  return build.div(x, build.sqrt(build.clip(squares, { min: SMALLEST_SQUARE, max: LARGEST_SQUARE })));
}

/** Keeps a vector of zeros at zero. */
const SMALLEST_SQUARE = 1e-24;
/** A finite number, so that the gradient of a vector of zeros is one, too. */
const LARGEST_SQUARE = 3e38;
