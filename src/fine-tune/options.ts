/** The options of fine-tune, and the table that the command and fineTune have them from. */
import { availableParallelism } from 'node:os';
import { type Augmentation, parseAugmentation } from '../shared/augment/augmentation.ts';
import { ENGINE_OPTIONS } from '../shared/engines/options.ts';
import { HEAD_OPTIONS } from '../shared/head/options.ts';
import { TAIL_OPTIONS, type TailSettings } from '../shared/head/tail-settings.ts';
import { TRAINED_HEAD_OPTIONS } from '../shared/head/trained-head.ts';
import { type OptionTable, within } from '../shared/options.ts';
import { OUTPUT_OPTIONS } from '../shared/output-options.ts';
import { ACTIVATION_DTYPES, type ActivationDtype } from '../shared/store/activations/request.ts';
import { byteSize, choice, path, text, toggle, wholeNumber, writtenAs } from '../shared/values.ts';
import { checkTailGrid, MAX_TUNINGS, type TailGrid } from './search/grid.ts';
import { type TrainingRequest, TUNE_KINDS } from './search/keys.ts';

export interface FineTuneOptions {
  /** The folder `best` of a run of train-head. */
  head: string;
  /** The feature store of the head; default: as the head records it. */
  features?: string;
  /** The backbone's weights, if their file has moved. */
  weights?: string;
  /** Folder that the images are in; default: where extract found them. */
  images?: string;
  /** Augmented views of each training image, as `--augment` of extract has them; default: those the head was trained on. */
  views?: string;
  tail?: Partial<TailSettings>;
  /** How head and tail are trained; what is not given is as fine-tuning needs it, or as the head was trained. */
  training?: Partial<TrainingRequest>;
  /** Values that are combined each with each; the other options are those of every combination. */
  grid?: TailGrid;
  /** Seeds of each combination, counted up; default: 1. */
  seeds?: number;
  cache?: {
    /** Folder of the activations; default: beside the features. */
    folder?: string;
    /** Default: float16. */
    dtype?: ActivationDtype;
    /** Bytes that they may take on disk; default: no limit. */
    max?: number;
  };
  engine?: string;
  workers?: number;
  /** Images read and decoded at a time. */
  concurrency?: number;
  /** Folder of the run, with the files that the command writes; default: nothing is written but the activations. */
  out?: string;
  /** With `out`: whether report.html is written; default: true. */
  report?: boolean;
  /** With `out`: an apostrophe before text in CSV files that a spreadsheet would run as a formula; default: false. */
  spreadsheetSafe?: boolean;
}

/** The seed of views, which are the same whatever the seed of the training is. */
const VIEW_SEED = 0;

/** Views as they are written. @throws UsageError naming the part that does not fit */
export function readViews(written: string, where = '--views'): Augmentation {
  return parseAugmentation(written, VIEW_SEED, where);
}

/** What fine-tuning trains with where nothing is said. */
export const TRAINING_DEFAULTS = { lr: 1e-3, schedule: 'cosine' } as const;

/** Share of the epochs in which the learning rate grows, unless told otherwise. */
export const WARMUP_SHARE = 0.05;

/** Fine-tunings with few images need more epochs: see {@link epochsFor}. */
const EPOCHS = { few: 24, many: 8, from: 1000 };

/** Epochs that a training takes unless told otherwise. */
export function epochsFor(trainingImages: number): number {
  return trainingImages < EPOCHS.from ? EPOCHS.few : EPOCHS.many;
}

/** What an option of the head is where fine-tuning has nothing of its own to say. */
const AS_HEAD = { default: undefined, defaultText: "the head's" };

const { optimizer, lr, schedule, warmup, epochs, dropout, monitor, classWeight, labelSmoothing, seed } =
  HEAD_OPTIONS;
const { momentum, nesterov, l2, l1, maxNorm, batchSize, earlyStopping } = HEAD_OPTIONS;

/** Those of heads; what they need is checked of each combination. */
export const TRAINING_OPTIONS = {
  optimizer: {
    ...optimizer,
    kind: TUNE_KINDS.optimizer,
    description: optimizer.description.replace(', lbfgs', ''),
  },
  lr: { ...lr, default: TRAINING_DEFAULTS.lr, needs: undefined },
  momentum: { ...momentum, needs: undefined },
  nesterov: { ...nesterov, needs: undefined },
  l2: {
    ...l2,
    description: 'L2 penalty on kernels, like Keras kernel_regularizer; with adamw, their weight decay',
  },
  l1: { ...l1, description: 'L1 penalty on kernels, like Keras kernel_regularizer' },
  maxNorm,
  schedule: { ...schedule, default: TRAINING_DEFAULTS.schedule, needs: undefined },
  warmup: { ...warmup, needs: undefined, default: undefined, defaultText: 'a twentieth of the epochs' },
  epochs: {
    ...epochs,
    needs: undefined,
    default: undefined,
    defaultText: `${EPOCHS.many} from ${EPOCHS.from} training images, ${EPOCHS.few} below`,
  },
  batchSize: { ...batchSize, needs: undefined },
  earlyStopping: { ...earlyStopping, needs: undefined },
  dropout: { ...dropout, ...AS_HEAD },
  monitor: { ...monitor, ...AS_HEAD },
  classWeight: { ...classWeight, ...AS_HEAD },
  labelSmoothing: { ...labelSmoothing, ...AS_HEAD },
  seed: { ...seed, ...AS_HEAD, description: 'Seed of batches and dropout' },
} satisfies OptionTable;

/** Those beside the options of tails and heads. */
const COMMON_OPTIONS = {
  head: { ...TRAINED_HEAD_OPTIONS.head, check: undefined },
  features: {
    kind: path,
    description: "The head's feature store, if it has moved",
    defaultText: 'the recorded store',
  },
  weights: {
    kind: path,
    description: "The backbone's weights, if their file has moved",
    defaultText: 'the recorded file',
  },
  images: {
    kind: path,
    description: 'Folder of the images',
    defaultText: 'where extract found them',
  },
  views: {
    kind: writtenAs((written, where) => readViews(written, where)),
    description:
      'Augmented views of each training image, as in --augment of extract: 4:flip,rotate=30,crop=0.7,brightness=0.2',
    defaultText: 'those the head was trained on',
  },
} satisfies OptionTable;

const SEARCH_OPTIONS = {
  grid: {
    kind: text,
    description:
      'Train all combinations: "from=block6a,last-block;lr=1e-3,3e-4", or a .yaml or .json file; combinations of one cut share its activations',
    check: checkTailGrid,
  },
  seeds: {
    kind: wholeNumber(1, MAX_TUNINGS),
    description: 'Train each combination with N consecutive seeds and rank by the mean',
    default: 1,
  },
  cache: {
    kind: path,
    description: 'Folder of the cached activations',
    defaultText: 'beside the features',
    field: 'cache.folder',
  },
  cacheDtype: {
    kind: choice(ACTIVATION_DTYPES),
    description: `Data type of cached activations: ${ACTIVATION_DTYPES.join(', ')}`,
    default: 'float16' as const,
    field: 'cache.dtype',
  },
  maxCache: {
    kind: byteSize,
    description: 'Refuse to cache more than this, such as 20GB',
    field: 'cache.max',
  },
  workers: {
    kind: wholeNumber(1),
    description: 'Cores to train on: one for each training, or all for one after the other',
    default: availableParallelism(),
    defaultText: 'the number of cores',
  },
  concurrency: ENGINE_OPTIONS.concurrency,
  engine: ENGINE_OPTIONS.engine,
  report: { kind: toggle, description: 'Write report.html; --no-report skips it', default: true },
  spreadsheetSafe: OUTPUT_OPTIONS.spreadsheetSafe,
  out: {
    kind: path,
    description: 'Folder of the run',
    defaultText: 'runs/<run of the head>-fine-tuned, numbered if taken',
  },
  json: OUTPUT_OPTIONS.json,
} satisfies OptionTable;

/** What a command line gives beside the options of tails and training. */
export const RUN_OPTIONS = { ...COMMON_OPTIONS, ...SEARCH_OPTIONS };

/** All of fine-tune. */
export const FINE_TUNE_OPTIONS = {
  ...COMMON_OPTIONS,
  ...within('tail', TAIL_OPTIONS),
  ...SEARCH_OPTIONS,
  ...within('training', TRAINING_OPTIONS, { group: 'Training:' }),
};
