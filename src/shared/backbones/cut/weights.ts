/** The weights of a tail: what they are, and which of them are trained. */
import { expectedMessage, UsageError, usage } from '../../errors.ts';
import type { Graph, Shape, Value } from '../../graph/value.ts';
import { didYouMean } from '../../suggest.ts';
import type { LayerWeights, WeightName } from '../../weights/source.ts';
import { type BatchNormMode, TRAIN_WORDS } from './words.ts';

/** What regularisation and `--train` tell weights apart by; a statistic is a moving mean or variance. */
export type WeightRole = 'kernel' | 'bias' | 'norm' | 'statistic';

/** A weight of the tail, which is fed to it. */
export interface TailWeight {
  /** `layer/weight`, the name of the tail's input. */
  readonly name: string;
  readonly layer: string;
  /** The layer's Keras class in snake_case. */
  readonly kind: string;
  readonly weight: WeightName;
  /** As Keras has it; the input lays the same numbers out alike. */
  readonly shape: Shape;
  readonly data: Float32Array;
  /** `norm`: scales and shifts of normalisations, and ConvNeXt's layer scale. */
  readonly role: WeightRole;
  /** Whether it belongs to a batch-norm whose statistics do not change. */
  readonly isFrozenNorm: boolean;
  /** Of statistics: how much of the old one each step keeps. */
  readonly momentum: number | undefined;
}

export const weightKey = (layer: string, weight: WeightName): string => `${layer}/${weight}`;

/** The kind of layer. */
export const BATCH_NORM = 'batch_normalization';

/** Constants with a name are weights of layers. */
export function isWeight(value: Value): value is Value<'constant'> & { readonly name: string } {
  return value.op === 'constant' && value.name !== undefined;
}

const ROLES: Readonly<Record<WeightName, WeightRole>> = {
  kernel: 'kernel',
  depthwise_kernel: 'kernel',
  pointwise_kernel: 'kernel',
  bias: 'bias',
  gamma: 'norm',
  beta: 'norm',
  layer_scale: 'norm',
  moving_mean: 'statistic',
  moving_variance: 'statistic',
  // Of the normalisation of pixels, which is never behind a cut.
  mean: 'statistic',
  variance: 'statistic',
  count: 'statistic',
};

/**
 * The weights that a tail takes as inputs.
 * @param layers in Keras's order, those of the front too
 * @param values of the network, weights among them
 */
export function tailWeights({
  tail,
  layers,
  values,
  batchNorm,
}: {
  tail: Graph;
  layers: readonly LayerWeights[];
  values: readonly Value[];
  batchNorm: { mode: BatchNormMode; momentum: number };
}): TailWeight[] {
  const constants = new Map(values.filter(isWeight).map((value) => [value.name, value.attributes.data]));
  return layers.flatMap(({ layer, kind, weights }) =>
    weights.flatMap(({ name: weight, shape }) => {
      const name = weightKey(layer, weight);
      const data = constants.get(name);
      if (!data || !tail.inputs.has(name)) return [];
      const role = ROLES[weight];
      const isFrozenNorm = kind === BATCH_NORM && batchNorm.mode === 'frozen';
      const momentum = role === 'statistic' ? batchNorm.momentum : undefined;
      return [{ name, layer, kind, weight, shape, data, role, isFrozenNorm, momentum }];
    }),
  );
}

/** A weight, whatever its numbers. */
type Described = Omit<TailWeight, 'data'>;

const isBatchNorm = ({ kind }: Described): boolean => kind === BATCH_NORM;

const SETS: Readonly<Record<(typeof TRAIN_WORDS)[number], (weight: Described) => boolean>> = {
  'all-but-batch-norm': ({ isFrozenNorm }) => !isFrozenNorm,
  all: () => true,
  'batch-norm': isBatchNorm,
  bias: ({ weight }) => weight === 'bias' || weight === 'beta',
};

/**
 * The weights that are trained.
 * @param train one of {@link TRAIN_WORDS}, or names of layers and blocks (what the names of their layers begin with), separated by commas
 * @throws UsageError for a name that no layer of the tail has, and where nothing would be trained
 */
export function trainedWeights<W extends Described>(weights: readonly W[], train: string): W[] {
  const learnable = weights.filter(({ role }) => role !== 'statistic');
  const chosen = learnable.filter(isWord(train) ? SETS[train] : namedBy(learnable, train));
  if (chosen.length === 0) throw usage('weights that the layers behind the cut have', '--train', train);
  return chosen;
}

function isWord(train: string): train is (typeof TRAIN_WORDS)[number] {
  return TRAIN_WORDS.some((word) => word === train);
}

function namedBy(weights: readonly Described[], train: string): (weight: Described) => boolean {
  const matches = train.split(',').map((part) => {
    const name = part.trim();
    const isMember = ({ layer }: Described): boolean => layer === name || layer.startsWith(`${name}_`);
    if (name === '' || !weights.some(isMember)) throw unknownName(weights, name, train);
    return isMember;
  });
  return (weight) => matches.some((isMember) => isMember(weight));
}

function unknownName(weights: readonly Described[], name: string, train: string): UsageError {
  const layers = [...new Set(weights.map(({ layer }) => layer))];
  const expected = `${TRAIN_WORDS.join(', ')} or layers of the trained part (${layers[0]} to ${layers.at(-1)})`;
  const near = didYouMean(name, [...layers, ...TRAIN_WORDS]);
  return new UsageError(`${expectedMessage(expected, '--train', name === '' ? train : name)}${near}`);
}
