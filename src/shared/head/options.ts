/** The one table of head options: the flags of train-head (head-flags.ts) and the keys of a grid are both made from it. */

import { choice, type ValueKind } from '../values.ts';
import {
  ACTIVATIONS,
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
import { HEAD_VALUES } from './values.ts';

/** A head as it is requested: `auto` is settled by the task (see resolve.ts). */
export type HeadRequest = Omit<HeadConfig, 'output' | 'loss'> & {
  output: Output | 'auto';
  loss: Loss | 'auto';
};

export type HeadOptionKey = keyof HeadRequest;

/** One option of a head. Its flag and its key in a grid are its key in kebab case. */
export interface HeadOption<V> extends ValueKind<V> {
  /** What it does and what may be written, for the help text. */
  description: string;
  initial: V;
  /** Set for options that mean nothing on some heads. */
  needs?: {
    /** What the head must have. */
    what: string;
    /** The options that decide whether it has. */
    by: readonly HeadOptionKey[];
    met(head: HeadRequest): boolean;
  };
}

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
    ...HEAD_VALUES.hidden,
    description: 'Units of the hidden layers: none, 256, 64x64x64',
    initial: [],
  },
  activation: {
    ...HEAD_VALUES.activation,
    description: `Activation of hidden layers: ${ACTIVATIONS.join(', ')}`,
    initial: 'relu',
    needs: hiddenOnly,
  },
  dropout: {
    ...HEAD_VALUES.dropout,
    description: 'Dropout rate of hidden units (of features in a linear head)',
    initial: 0,
  },
  batchNorm: {
    ...HEAD_VALUES.batchNorm,
    description: 'Batch normalisation in hidden layers',
    initial: false,
    needs: hiddenOnly,
  },
  order: {
    ...HEAD_VALUES.order,
    description: 'Order of the layers in a hidden block, separated by , or +',
    initial: ['dense', 'bn', 'activation', 'dropout'],
    needs: hiddenOnly,
  },
  bias: {
    ...HEAD_VALUES.bias,
    description: 'Bias in hidden layers; --no-bias removes it',
    initial: true,
    needs: hiddenOnly,
  },
  normalize: {
    ...HEAD_VALUES.normalize,
    description: `Input normalisation: ${NORMALIZATIONS.join(', ')}`,
    initial: 'none',
  },
  se: {
    ...HEAD_VALUES.se,
    description: 'Squeeze-and-excitation gate over the features with this reduction; 0: none',
    initial: 0,
  },
  output: {
    ...choice(['auto', ...OUTPUTS]),
    description: 'softmax, sigmoid, or auto: softmax for multiclass, sigmoid for multi-label data',
    initial: 'auto',
  },
  loss: {
    ...choice(['auto', ...LOSSES]),
    description: `auto (from the output), ${LOSSES.join(', ')}`,
    initial: 'auto',
  },
  optimizer: {
    ...HEAD_VALUES.optimizer,
    description: `Optimizer: ${OPTIMIZERS.join(', ')}`,
    initial: 'adam',
  },
  lr: { ...HEAD_VALUES.lr, description: 'Learning rate', initial: 1e-3, needs: steppedOnly },
  momentum: {
    ...HEAD_VALUES.momentum,
    description: `Momentum of ${WITH_MOMENTUM.join(' and ')}`,
    initial: 0,
    needs: {
      what: `--optimizer ${WITH_MOMENTUM.join(' or ')}`,
      by: ['optimizer'],
      met: ({ optimizer }) => WITH_MOMENTUM.includes(optimizer),
    },
  },
  nesterov: {
    ...HEAD_VALUES.nesterov,
    description: 'Nesterov momentum for SGD',
    initial: false,
    needs: {
      what: '--optimizer sgd with --momentum',
      by: ['optimizer', 'momentum'],
      met: ({ optimizer, momentum }) => optimizer === 'sgd' && momentum > 0,
    },
  },
  l2: {
    ...HEAD_VALUES.l2,
    description: 'L2 penalty on weights, like Keras kernel_regularizer; with adamw, its weight decay',
    initial: 0,
  },
  l1: {
    ...HEAD_VALUES.l1,
    description: 'L1 penalty on weights, like Keras kernel_regularizer',
    initial: 0,
  },
  maxNorm: {
    ...HEAD_VALUES.maxNorm,
    description: "Maximum norm of a unit's weights, like Keras MaxNorm; 0: none",
    initial: 0,
  },
  schedule: {
    ...HEAD_VALUES.schedule,
    description: `Learning rate schedule: ${SCHEDULES.join(', ')}`,
    initial: 'constant',
    needs: steppedOnly,
  },
  warmup: {
    ...HEAD_VALUES.warmup,
    description: 'Epochs of linear learning rate warm-up',
    initial: 0,
    needs: steppedOnly,
  },
  epochs: {
    ...HEAD_VALUES.epochs,
    description: 'Maximum number of epochs',
    initial: 100,
    needs: steppedOnly,
  },
  batchSize: {
    ...HEAD_VALUES.batchSize,
    description: 'Rows per training step',
    initial: 32,
    needs: steppedOnly,
  },
  earlyStopping: {
    ...HEAD_VALUES.earlyStopping,
    description: 'Stop after this many epochs without a better validation value; 0: never',
    initial: 10,
    needs: {
      ...STEPPING,
      met: ({ optimizer, earlyStopping }) => optimizer !== 'lbfgs' || earlyStopping === 0,
    },
  },
  monitor: {
    ...HEAD_VALUES.monitor,
    description: `Validation metric that chooses the best epoch and head: ${METRICS.join(', ')}`,
    initial: 'loss',
  },
  classWeight: {
    ...HEAD_VALUES.classWeight,
    description: 'none, or balanced: rare classes count as much as frequent ones',
    initial: 'none',
  },
  labelSmoothing: {
    ...HEAD_VALUES.labelSmoothing,
    description: 'Label smoothing: share of the target distributed over all classes',
    initial: 0,
  },
  seed: {
    ...HEAD_VALUES.seed,
    description: 'Seed of the split, initial weights, batches and dropout',
    initial: 0,
  },
};

/** The keys of {@link HEAD_OPTIONS} in their order. */
export const HEAD_OPTION_KEYS = Object.keys(HEAD_OPTIONS) as HeadOptionKey[];

/** `batchSize` as it is written after `--` and in a grid: `batch-size`. */
export function flagOf(key: HeadOptionKey): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** An option's value as it is written in a flag, a grid and the leaderboard. */
export function formatOption<K extends HeadOptionKey>(key: K, head: Pick<HeadRequest, K>): string {
  return HEAD_OPTIONS[key].format(head[key]);
}
