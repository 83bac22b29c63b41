/** The options of a head: flags, keys of grids, columns of the leaderboard and the check of head.json are made from this table. */

import { usage } from '../errors.ts';
import type { Option } from '../options.ts';
import { choice, number, toggle, type ValueKind, wholeNumber } from '../values.ts';
import {
  ACTIVATIONS,
  BLOCK_LAYERS,
  type BlockLayer,
  CLASS_WEIGHTS,
  type HeadConfig,
  LOSSES,
  type Loss,
  METRICS,
  NORMALIZATIONS,
  OPTIMIZERS,
  type OptimizerName,
  OUTPUTS,
  type Output,
  SCHEDULES,
} from './config.ts';

/** A head as it is requested: `auto` is settled by the task (see resolve.ts). */
export type HeadRequest = Omit<HeadConfig, 'output' | 'loss' | 'tail'> & {
  output: Output | 'auto';
  loss: Loss | 'auto';
};

export type HeadOptionKey = keyof HeadRequest;

/** An option of a head. Its flag and its key in a grid are its name in kebab case. */
export interface HeadOption<V> extends Omit<Option<V>, 'needs'> {
  default: V;
  /** What head.json may say, where that is less than what may be requested. */
  recorded?: ValueKind<V>;
  /** Set for options that mean nothing on some heads. */
  needs?: {
    /** What the head must have. */
    what: string;
    /** The options that decide whether it has. */
    by: readonly HeadOptionKey[];
    met(head: HeadRequest): boolean;
  };
}

/** Units per layer: beyond this a typing mistake is likelier than a wish. */
const MAX_UNITS = 65536;
/** As elsewhere: 32 bits. */
const MAX_SEED = 2 ** 32 - 1;

const hiddenLayers: ValueKind<number[]> = {
  parse(text, where) {
    if (text === 'none') return [];
    const units = text.split('x').map((part) => (/^\d+$/.test(part) ? Number(part) : 0));
    if (units.every((count) => count >= 1 && count <= MAX_UNITS)) return units;
    throw usage(`none or units from 1 to ${MAX_UNITS} like 256 or 64x64x64`, where, text);
  },
  format: (units) => (units.length === 0 ? 'none' : units.join('x')),
  what: `a list of units from 1 to ${MAX_UNITS}`,
  allows: (value) => Array.isArray(value) && value.every(wholeNumber(1, MAX_UNITS).allows),
};

const blockOrder: ValueKind<BlockLayer[]> = {
  parse(text, where) {
    const named = text.split(/[,+]/).map((part) => part.trim());
    const order = named.flatMap((name) => BLOCK_LAYERS.filter((layer) => layer === name));
    if (order.length === named.length && order.length === 4 && new Set(order).size === 4) return order;
    throw usage(`each of ${BLOCK_LAYERS.join(', ')} once`, where, text);
  },
  format: (order) => order.join('+'),
  what: `a list of each of ${BLOCK_LAYERS.join(', ')} once`,
  allows: (value) => Array.isArray(value) && [...value].sort().join() === [...BLOCK_LAYERS].sort().join(),
};

const share = number({ minimum: 0, below: 1 });
const positive = number({ above: 0 });
const notNegative = number({ minimum: 0 });

/** Optimizers with a momentum of their own. */
const WITH_MOMENTUM: readonly OptimizerName[] = ['sgd', 'rmsprop'];

const hiddenOnly: HeadOption<never>['needs'] = {
  what: 'a hidden layer like --hidden 64',
  by: ['hidden'],
  met: ({ hidden }) => hidden.length > 0,
};

/** Exact heads are solved at once: nothing is stepped, scheduled or stopped. */
const STEPPING = { what: 'another optimizer than lbfgs', by: ['optimizer'] } as const;
const steppedOnly: HeadOption<never>['needs'] = {
  ...STEPPING,
  met: ({ optimizer }) => optimizer !== 'lbfgs',
};

/** Every option, in the order of the help text and of the leaderboard's columns. Defaults follow Keras where it has one. */
export const HEAD_OPTIONS: { readonly [K in HeadOptionKey]: HeadOption<HeadRequest[K]> } = {
  hidden: {
    kind: hiddenLayers,
    description: 'Units of the hidden layers: none, 256, 64x64x64',
    default: [],
  },
  activation: {
    kind: choice(ACTIVATIONS),
    description: `Activation of hidden layers: ${ACTIVATIONS.join(', ')}`,
    default: 'relu',
    needs: hiddenOnly,
  },
  dropout: {
    kind: share,
    description: 'Dropout rate of hidden units (of features in a linear head)',
    default: 0,
  },
  batchNorm: {
    kind: toggle,
    description: 'Batch normalisation in hidden layers',
    default: false,
    needs: hiddenOnly,
  },
  order: {
    kind: blockOrder,
    description: 'Order of the layers in a hidden block, separated by , or +',
    default: ['dense', 'bn', 'activation', 'dropout'],
    needs: hiddenOnly,
  },
  bias: {
    kind: toggle,
    description: 'Bias in hidden layers; --no-bias removes it',
    default: true,
    needs: hiddenOnly,
  },
  normalize: {
    kind: choice(NORMALIZATIONS),
    description: `Input normalisation: ${NORMALIZATIONS.join(', ')}`,
    default: 'none',
  },
  se: {
    kind: wholeNumber(0, MAX_UNITS),
    description: 'Squeeze-and-excitation gate over the features with this reduction; 0: none',
    default: 0,
  },
  output: {
    kind: choice(['auto', ...OUTPUTS]),
    recorded: choice(OUTPUTS),
    description: 'softmax, sigmoid, or auto: softmax for multiclass, sigmoid for multi-label data',
    default: 'auto',
  },
  loss: {
    kind: choice(['auto', ...LOSSES]),
    recorded: choice(LOSSES),
    description: `auto (from the output), ${LOSSES.join(', ')}`,
    default: 'auto',
  },
  optimizer: {
    kind: choice(OPTIMIZERS),
    description: `Optimizer: ${OPTIMIZERS.join(', ')}`,
    default: 'adam',
  },
  lr: { kind: positive, description: 'Learning rate', default: 1e-3, needs: steppedOnly },
  momentum: {
    kind: share,
    description: `Momentum of ${WITH_MOMENTUM.join(' and ')}`,
    default: 0,
    needs: {
      what: `--optimizer ${WITH_MOMENTUM.join(' or ')}`,
      by: ['optimizer'],
      met: ({ optimizer }) => WITH_MOMENTUM.includes(optimizer),
    },
  },
  nesterov: {
    kind: toggle,
    description: 'Nesterov momentum for SGD',
    default: false,
    needs: {
      what: '--optimizer sgd with --momentum',
      by: ['optimizer', 'momentum'],
      met: ({ optimizer, momentum }) => optimizer === 'sgd' && momentum > 0,
    },
  },
  l2: {
    kind: notNegative,
    description: 'L2 penalty on weights, like Keras kernel_regularizer; with adamw, its weight decay',
    default: 0,
  },
  l1: {
    kind: notNegative,
    description: 'L1 penalty on weights, like Keras kernel_regularizer',
    default: 0,
  },
  maxNorm: {
    kind: notNegative,
    description: "Maximum norm of a unit's weights, like Keras MaxNorm; 0: none",
    default: 0,
  },
  schedule: {
    kind: choice(SCHEDULES),
    description: `Learning rate schedule: ${SCHEDULES.join(', ')}`,
    default: 'constant',
    needs: steppedOnly,
  },
  warmup: {
    kind: notNegative,
    description: 'Epochs of linear learning rate warm-up; 0.5: half of the first',
    default: 0,
    needs: steppedOnly,
  },
  epochs: {
    kind: wholeNumber(1),
    description: 'Maximum number of epochs',
    default: 100,
    needs: steppedOnly,
  },
  batchSize: {
    kind: wholeNumber(1),
    description: 'Rows per training step',
    default: 32,
    needs: steppedOnly,
  },
  earlyStopping: {
    kind: wholeNumber(0),
    description: 'Stop after this many epochs without a better validation value; 0: never',
    default: 10,
    needs: {
      ...STEPPING,
      met: ({ optimizer, earlyStopping }) => optimizer !== 'lbfgs' || earlyStopping === 0,
    },
  },
  monitor: {
    kind: choice(METRICS),
    description: `Validation metric that chooses the best epoch and head: ${METRICS.join(', ')}`,
    default: 'loss',
  },
  classWeight: {
    kind: choice(CLASS_WEIGHTS),
    description: 'none, or balanced: rare classes count as much as frequent ones',
    default: 'none',
  },
  labelSmoothing: {
    kind: share,
    description: 'Label smoothing: share of the target distributed over all classes',
    default: 0,
  },
  seed: {
    kind: wholeNumber(0, MAX_SEED),
    description: 'Seed of the split, initial weights, batches and dropout',
    default: 0,
  },
};

/** The keys of {@link HEAD_OPTIONS} in their order. */
export const HEAD_OPTION_KEYS = Object.keys(HEAD_OPTIONS) as HeadOptionKey[];

/** An option's value as it is written in a flag, a grid and the leaderboard. */
export function formatOption<K extends HeadOptionKey>(key: K, head: Pick<HeadRequest, K>): string {
  return HEAD_OPTIONS[key].kind.format(head[key]);
}
