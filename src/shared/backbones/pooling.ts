/** How a feature map [batch, height, width, channels] becomes one feature vector per image. */

import { usage } from '../errors.ts';
import { clip, div, exp, log, mul, reduceMax, reduceMean, reshape, scalar } from '../graph/build.ts';
import { BATCH, type Value } from '../graph/value.ts';

const SPACE = { axes: [1, 2], keepDims: false } as const;

/** Exponent and lower bound of generalised-mean pooling: Radenovic et al. 2018, and their code's `GeM(p=3, eps=1e-6)`. */
const GEM = { power: 3, floor: 1e-6 } as const;
const FLOAT32_MAX = 3.4028234663852886e38;

const POOLINGS = {
  avg: (map: Value) => reduceMean(map, SPACE),
  max: (map: Value) => reduceMax(map, SPACE),
  gem(map: Value) {
    const x = clip(map, { min: GEM.floor, max: FLOAT32_MAX });
    const mean = reduceMean(mul(mul(x, x), x), SPACE);
    return exp(div(log(mean), scalar(GEM.power)));
  },
  /** Rows first, then columns, then channels: Keras's Flatten. */
  flatten(map: Value) {
    const [, height, width, channels] = map.shape;
    return reshape(map, [BATCH, height * width * channels]);
  },
} as const satisfies Record<string, (map: Value) => Value>;

type PoolingName = keyof typeof POOLINGS;
export const POOLING_NAMES = Object.keys(POOLINGS) as readonly PoolingName[];

/** Applies a pooling by name; a UsageError names those there are. */
export function pool(map: Value, name: string): Value {
  if (!isPooling(name)) throw usage(`one of ${POOLING_NAMES.join(', ')}`, '--pooling', name);
  return POOLINGS[name](map);
}

function isPooling(name: string): name is PoolingName {
  return Object.hasOwn(POOLINGS, name);
}
