/** What a head is and how it was trained: plain data, written to head.json and to the leaderboard as it stands. */
import type { TailSettings } from './tail-settings.ts';

/** Activations of hidden layers, by their Keras names. */
export const ACTIVATIONS = [
  'relu',
  'gelu',
  'selu',
  'tanh',
  'sigmoid',
  'swish',
  'leaky_relu',
  'softmax',
  'linear',
] as const;
export type Activation = (typeof ACTIVATIONS)[number];

/** The parts of one hidden block, in the order they are applied. */
export const BLOCK_LAYERS = ['dense', 'dropout', 'bn', 'activation'] as const;
export type BlockLayer = (typeof BLOCK_LAYERS)[number];

/**
 * `l2`: unit length. `softsign`: scaled by {@link softsignDivisors}, x / (1 + |x|), then unit length, so that neither a
 * few large activations nor a few large features outweigh all others.
 */
export const NORMALIZATIONS = ['none', 'standardize', 'l2', 'softsign'] as const;
export type Normalization = (typeof NORMALIZATIONS)[number];

/** The statistics of the training rows that each needs, which a head keeps as `normalize/mean` and `normalize/deviation`. */
export const NORMALIZATION_STATISTICS: Readonly<Record<Normalization, readonly ('mean' | 'deviation')[]>> = {
  none: [],
  standardize: ['mean', 'deviation'],
  l2: [],
  softsign: ['deviation'],
};

/** What `softsign` divides features by: halfway, by factors, between each feature's deviation and the mean of all. */
export function softsignDivisors(deviation: Float32Array): Float32Array {
  const mean = deviation.reduce((sum, value) => sum + value, 0) / deviation.length;
  return deviation.map((value) => Math.sqrt(value * mean));
}

export const OUTPUTS = ['softmax', 'sigmoid'] as const;
export type Output = (typeof OUTPUTS)[number];

export const LOSSES = ['categorical_crossentropy', 'binary_crossentropy', 'focal'] as const;
export type Loss = (typeof LOSSES)[number];

export const OPTIMIZERS = ['adam', 'adamw', 'sgd', 'rmsprop', 'adadelta', 'adagrad', 'lbfgs'] as const;
export type OptimizerName = (typeof OPTIMIZERS)[number];

export const SCHEDULES = ['constant', 'cosine', 'step', 'plateau'] as const;
export type Schedule = (typeof SCHEDULES)[number];

export const CLASS_WEIGHTS = ['none', 'balanced'] as const;
export type ClassWeight = (typeof CLASS_WEIGHTS)[number];

export type Task = 'multiclass' | 'multilabel';

/** The network from a feature vector to one logit per class. */
export interface HeadArchitecture {
  /** Units of each hidden layer; empty for a linear head. */
  hidden: number[];
  activation: Activation;
  /** Share of units dropped in each hidden block (and of the features, for a linear head), 0 to below 1. */
  dropout: number;
  batchNorm: boolean;
  /** Order within a hidden block; parts that are off (dropout 0, no batch-norm) are skipped. */
  order: BlockLayer[];
  /** Whether hidden dense layers have a bias (the output layer always has). */
  bias: boolean;
  normalize: Normalization;
  /** Reduction of a squeeze-and-excitation gate over the features; 0 for none. */
  se: number;
  output: Output;
}

/** How the parameters are found. */
export interface HeadTraining {
  loss: Loss;
  optimizer: OptimizerName;
  lr: number;
  /** SGD and RMSprop only. */
  momentum: number;
  /** SGD looks ahead along its momentum. */
  nesterov: boolean;
  /** Keras kernel_regularizer: adds l2 * sum(kernel^2) to the loss. */
  l2: number;
  /** Keras kernel_regularizer: adds l1 * sum(|kernel|) to the loss. */
  l1: number;
  /** Keras kernel_constraint MaxNorm: the most a unit's incoming weights may measure; 0 for no limit. */
  maxNorm: number;
  schedule: Schedule;
  /** Epochs in which the learning rate grows from nothing to its full value. */
  warmup: number;
  epochs: number;
  batchSize: number;
  /** Epochs without a better monitored value before training stops; 0 trains all epochs. */
  earlyStopping: number;
  /** The validation metric that chooses the best epoch. */
  monitor: MetricName;
  classWeight: ClassWeight;
  labelSmoothing: number;
  seed: number;
}

export interface HeadConfig extends HeadArchitecture, HeadTraining {
  /** How the end of the backbone was trained with the head; absent where it is frozen. */
  tail?: TailSettings;
}

/** The metrics of every table and file, in the order they are printed. */
export const METRICS = [
  'loss',
  'accuracy',
  'balancedAccuracy',
  'f1Macro',
  'f1Micro',
  'auc',
  'mAP',
  'subsetAccuracy',
  'binaryAccuracy',
] as const;
export type MetricName = (typeof METRICS)[number];

/** The metrics a task has, in the order they are printed. */
export function metricsOf(task: Task): readonly MetricName[] {
  return task === 'multilabel'
    ? METRICS
    : METRICS.filter((name) => name !== 'subsetAccuracy' && name !== 'binaryAccuracy');
}

/** Values of the metrics that a task has; one that the labels leave undefined (no positive example) is null. */
export type Metrics = Partial<Record<MetricName, number | null>>;
