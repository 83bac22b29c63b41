/** What a fine-tuning can be told: options of the tail, and those of heads that mean something when one is trained on. */
import { OPTIMIZERS, type OptimizerName } from '../../shared/head/config.ts';
import { HEAD_OPTIONS, type HeadRequest } from '../../shared/head/options.ts';
import {
  TAIL_OPTION_KEYS,
  TAIL_OPTIONS,
  type TailOptionKey,
  type TailSettings,
} from '../../shared/head/tail-settings.ts';
import { choice, type ValueKind } from '../../shared/values.ts';

/** Layers, output and loss are the head's; how it is trained is not. */
export const TRAINING_KEYS = [
  'optimizer',
  'lr',
  'momentum',
  'nesterov',
  'l2',
  'l1',
  'maxNorm',
  'schedule',
  'warmup',
  'epochs',
  'batchSize',
  'earlyStopping',
  'dropout',
  'monitor',
  'classWeight',
  'labelSmoothing',
  'seed',
] as const satisfies (keyof HeadRequest)[];

export type TrainingKey = (typeof TRAINING_KEYS)[number];

/** How a head and a tail are trained, in the words of heads. */
export type TrainingRequest = Pick<HeadRequest, TrainingKey>;

/** What one fine-tuning is told. */
export type TuneRequest = TrainingRequest & TailSettings;
export type TuneKey = keyof TuneRequest;

/** The exact solver knows no layers behind a head. */
const STEPPING: ValueKind<OptimizerName> = choice(OPTIMIZERS.filter((name) => name !== 'lbfgs'));

/** The values of each option. */
export const TUNE_KINDS: { readonly [K in TuneKey]: ValueKind<TuneRequest[K]> } = {
  ...kindsOf(TAIL_OPTION_KEYS, TAIL_OPTIONS),
  ...kindsOf(TRAINING_KEYS, HEAD_OPTIONS),
  optimizer: STEPPING,
};

export const TUNE_KEYS: readonly TuneKey[] = [...TAIL_OPTION_KEYS, ...TRAINING_KEYS];

export function isTailKey(key: TuneKey): key is TailOptionKey {
  return TAIL_OPTION_KEYS.some((one) => one === key);
}

function kindsOf<K extends string, T extends Readonly<Record<K, { kind: unknown }>>>(
  keys: readonly K[],
  options: T,
): { [P in K]: T[P]['kind'] } {
  return Object.fromEntries(keys.map((key) => [key, options[key].kind])) as { [P in K]: T[P]['kind'] };
}
