/** What to expect of the features of each backbone: their range by structure, their statistics where measured. */

import type { FeatureFacts } from '../analysis/feature-facts.ts';
import { BACKBONES } from '../backbones/registry.ts';

export interface ExpectedFeatures {
  /** The pixel normalisation that the backbone was trained with, by its name in the registry. */
  preprocessing: string;
  /** Least and greatest value that the last activation can give, for pooled features. */
  range: readonly [number, number];
  /** Of average-pooled features of ordinary photos. */
  statistics?: { mean: number; deviation: number; meanCosine: number };
}

const RELU = [0, Number.POSITIVE_INFINITY] as const;
const RELU6 = [0, 6] as const;
/** The least value of x * sigmoid(x). */
const SWISH = [-0.2785, Number.POSITIVE_INFINITY] as const;
/** The least value of x * relu6(x + 3) / 6. */
const HARD_SWISH = [-0.375, Number.POSITIVE_INFINITY] as const;
/** A layer norm, or a projection without activation. */
const ANY = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] as const;

/** The last activation of each family, by how its names begin; the first that fits counts. */
const LAST_ACTIVATION: readonly [start: string, range: readonly [number, number]][] = [
  ['efficientnet_lite', RELU6],
  ['efficientnet', SWISH],
  ['mobilenet_v3', HARD_SWISH],
  ['mobilenet', RELU6],
  ['convnext', ANY],
  ...['resnet', 'vgg', 'inception', 'xception', 'densenet', 'nasnet'].map(
    (start): [string, readonly [number, number]] => [start, RELU],
  ),
];

/**
 * Average-pooled features of ordinary photos at the backbone's own size. efficientnet_lite0: the means over two sets of
 * 500 photos, of flowers (0.181, 0.404, 0.335) and of landscapes (0.176, 0.394, 0.373).
 */
const MEASURED: Readonly<Record<string, ExpectedFeatures['statistics']>> = {
  efficientnet_lite0: { mean: 0.179, deviation: 0.399, meanCosine: 0.354 },
};

/** What a store's features should look like; undefined for a backbone that is not known. */
export function expectedFeatures({
  backbone,
  columns,
}: Pick<FeatureFacts, 'backbone' | 'columns'>): ExpectedFeatures | undefined {
  const definition = BACKBONES.get(backbone);
  if (!definition) return undefined;
  // Intermediate layers (`conv4_block6_out/avg`) end in whatever they end in.
  const isLast = columns.every((name) => !name.includes('/'));
  const [, range] = LAST_ACTIVATION.find(([start]) => backbone.startsWith(start)) ?? [backbone, ANY];
  const isAverage = columns.every((name) => name === 'avg');
  const statistics = isAverage ? MEASURED[backbone] : undefined;
  return {
    preprocessing: definition.preprocessing,
    range: isLast ? range : ANY,
    ...(statistics && { statistics }),
  };
}
