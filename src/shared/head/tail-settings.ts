/** How the end of a backbone is trained together with a head: a part of the head's configuration, and the table of its options. */

import { BATCH_NORM_MODES, type BatchNormMode, TRAIN_WORDS } from '../backbones/cut/words.ts';
import type { Option } from '../options.ts';
import { choice, number, text, type ValueKind } from '../values.ts';

/** How the end of a backbone is trained; heads on frozen backbones have none. */
export interface TailSettings {
  /** The first trained layer, by its Keras name. */
  from: string;
  /** One of {@link TRAIN_WORDS}, or layers and blocks separated by commas. */
  train: string;
  batchNorm: BatchNormMode;
  /** Factor on the learning rate for the tail's weights. */
  lrTail: number;
  /** Keras global_clipnorm: what the norm of all gradients together may measure; 0 for no limit. */
  clip: number;
}

export type TailOptionKey = keyof TailSettings;

/** Names separated by commas, or in a grid by +. */
const names: ValueKind<string> = {
  ...text,
  parse: (written, where) => text.parse(written, where).replaceAll('+', ','),
  format: (value) => value.replaceAll(',', '+'),
};

/** Every option of a tail, in the order of the help text and of the leaderboard's columns. */
export const TAIL_OPTIONS: {
  readonly [K in TailOptionKey]: Option<TailSettings[K]> & { default: TailSettings[K] };
} = {
  from: {
    kind: text,
    description:
      'First layer to train: a Keras layer name or index, a block, last-block, or auto (by disk space, time and how much earlier layers know)',
    default: 'auto',
  },
  train: {
    kind: names,
    description: `What of it to train: ${TRAIN_WORDS.join(', ')}, or layers and blocks separated by commas`,
    default: 'all-but-batch-norm',
  },
  batchNorm: {
    kind: choice(BATCH_NORM_MODES),
    description:
      'frozen, trainable (batch statistics, as in Keras), or insert (also behind convolutions without one)',
    default: 'frozen',
  },
  lrTail: {
    kind: number({ above: 0 }),
    description: "Factor on the learning rate for the backbone's layers",
    default: 1,
  },
  clip: {
    kind: number({ minimum: 0 }),
    description: 'Maximum norm of all gradients together, like Keras global_clipnorm; 0: none',
    default: 0,
  },
};

/** The keys of {@link TAIL_OPTIONS} in their order. */
export const TAIL_OPTION_KEYS = Object.keys(TAIL_OPTIONS) as TailOptionKey[];

/** An option's value as it is written in a flag, a grid and the leaderboard. */
export function formatTailOption<K extends TailOptionKey>(key: K, tail: Pick<TailSettings, K>): string {
  return TAIL_OPTIONS[key].kind.format(tail[key]);
}
