/** How a feature map [batch, height, width, channels] becomes one feature vector per image: a column of the store. */

import { MAP_POOLING_NAMES, POOLING_NAMES } from '../depth-words.ts';
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
} as const satisfies Record<(typeof MAP_POOLING_NAMES)[number], (map: Value) => Value>;

export type PoolingName = (typeof POOLING_NAMES)[number];
type MapPooling = keyof typeof POOLINGS;

/** What Keras calls the average-pooled last feature map; as a layer it means that column, whatever the network. */
export const LAST_LAYER = 'avg_pool';

/**
 * Applies a pooling; `after` follows it, or comes before where the pooling keeps every place.
 * @throws UsageError for poolings of tokens, which no map has
 */
export function pool(map: Value, name: PoolingName, after = (x: Value) => x): Value {
  if (!isMapPooling(name)) throw usage(`${MAP_POOLING_NAMES.join(', ')} of a feature map`, '--pooling', name);
  return name === 'flatten' ? POOLINGS.flatten(after(map)) : after(POOLINGS[name](map));
}

/** Columns for each layer (default: the last feature map) and pooling: `avg`, `conv4_block6_out/avg`. */
export function columnNames(poolings: readonly string[], layers?: readonly string[]): string[] {
  if (!layers) return [...poolings];
  return layers.flatMap((layer) =>
    layer === LAST_LAYER ? ['avg'] : poolings.map((pooling) => `${layer}/${pooling}`),
  );
}

/** Takes a column's name apart; a UsageError names the poolings there are. */
export function parseColumn(column: string): { layer: string | undefined; pooling: PoolingName } {
  const slash = column.lastIndexOf('/');
  const pooling = column.slice(slash + 1);
  if (!isPooling(pooling)) throw usage(`one of ${POOLING_NAMES.join(', ')}`, '--pooling', pooling);
  return { layer: slash < 0 ? undefined : column.slice(0, slash), pooling };
}

function isMapPooling(name: PoolingName): name is MapPooling {
  return Object.hasOwn(POOLINGS, name);
}

function isPooling(name: string): name is PoolingName {
  return POOLING_NAMES.some((candidate) => candidate === name);
}
