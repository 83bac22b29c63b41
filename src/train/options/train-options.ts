/** The options of a sweep, and the table that train-head and trainHeads have them from. */
import { availableParallelism } from 'node:os';
import { DEFAULT_NEAR_BITS, NEAR_BITS } from '../../shared/dataset/leakage.ts';
import type { SourceRequest } from '../../shared/dataset/source-options.ts';
import { DEFAULT_SPLIT, type SplitRatios, splitKind } from '../../shared/dataset/splits.ts';
import { ENGINE_OPTIONS } from '../../shared/engines/options.ts';
import type { Task } from '../../shared/head/config.ts';
import { HEAD_OPTIONS, type HeadRequest } from '../../shared/head/options.ts';
import type { ManifestOptions } from '../../shared/manifest/columns.ts';
import { MANIFEST_OPTIONS } from '../../shared/manifest/options.ts';
import { definedFields, type OptionTable, withDefaults, within } from '../../shared/options.ts';
import { OUTPUT_OPTIONS } from '../../shared/output-options.ts';
import { byteSize, choice, list, path, text, toggle, wholeNumber } from '../../shared/values.ts';
import { MAX_HEADS } from '../search/grid.ts';
import { checkGrid, type Grid } from './grid.ts';

export interface TrainOptions {
  /** What heads are trained on unless the grid says otherwise. */
  source: SourceRequest;
  /** Labels from a manifest instead of the stored ones. */
  labels?: { file: string; manifest: ManifestOptions };
  /** Bits in which the perceptual hashes of near copies, which stay in one split, differ at most. */
  nearDuplicates?: number;
  /** Whether an image's split follows from its content alone. */
  stableSplit?: boolean;
  task: Task | 'auto';
  /** Options that every head has unless the grid says otherwise. */
  head: Partial<HeadRequest>;
  /** Without one, a single head is trained; `default` is what `--grid` alone trains. */
  grid?: Grid | 'default';
  /** Draws so many heads from the grid and its ranges, or from a default space, instead of training all. */
  random?: number;
  /** Seeds of each head, counted up from its own; default: 1. */
  seeds?: number;
  /** Successive halving: this share of the heads, its inverse, goes on at each rung; default: all train to their end. */
  halving?: number;
  /** Folds of cross-validation; default: none, one validation split. */
  folds?: number;
  split: SplitRatios;
  engine: string;
  workers: number;
  /** Bytes that features may take in memory; larger ones are read from disk in blocks. Default: see {@link defaultMemory}. */
  maxMemory?: number;
}

export interface TrainHeadsOptions
  extends Omit<TrainOptions, 'source' | 'labels' | 'task' | 'head' | 'split' | 'engine' | 'workers'>,
    Partial<Pick<TrainOptions, 'task' | 'head' | 'split' | 'engine' | 'workers'>> {
  /** Folders of stores, which are joined by image, and columns of each, by name or as `last` or `depths`; default: last. */
  source: Pick<SourceRequest, 'features'> & Partial<SourceRequest>;
  /** Labels from a manifest instead of the stored ones. */
  labels?: { file: string; manifest?: ManifestOptions };
  /**
   * Folder of the run, with the files that the command writes; one that an unfinished sweep with the same options
   * left there is gone on with. Default: nothing is written.
   */
  out?: string;
  /** With `out`: whether report.html is written; default: true. */
  report?: boolean;
  /** Folder that the images of the stores are in, for the report; default: where extract found them. */
  images?: string;
  /** With `out`: an apostrophe before text in CSV files that a spreadsheet would run as a formula; default: false. */
  spreadsheetSafe?: boolean;
}

/** Those of train-head beside the options of heads; their fields are those of TrainHeadsOptions. */
export const TRAIN_OPTIONS = {
  features: {
    kind: list(path),
    description:
      'Feature store written by extract; several are concatenated image by image. To compare stores: --grid "features=DIR,DIR"',
    required: 'field',
    field: 'source.features',
  },
  pooling: {
    kind: list(text, ','),
    description:
      'Columns of the stores to use, separated by commas: their names, last, or depths for all layers',
    defaultText: 'last',
    field: 'source.pooling',
  },
  labels: {
    kind: path,
    description:
      'Labels from a .csv, .tsv or .jsonl file (columns path and label) instead of the stored ones',
    required: 'field',
    field: 'labels.file',
  },
  ...within('labels.manifest', MANIFEST_OPTIONS, {
    needs: { what: '--labels', met: ({ labels }) => labels !== undefined },
  }),
  nearDuplicates: {
    kind: NEAR_BITS,
    description:
      'Keep near-duplicates (re-encoded, resized) in the same split; optional value: how many bits of their hashes may differ',
    alone: DEFAULT_NEAR_BITS,
  },
  stableSplit: {
    kind: toggle,
    description:
      "An image's split depends only on its content and the seed, and never changes when images are added; not stratified",
    default: false,
  },
  task: {
    kind: choice(['auto', 'multiclass', 'multilabel']),
    description: 'auto (from the labels), multiclass or multilabel',
    default: 'auto',
  },
  split: {
    kind: splitKind,
    description: 'Training/validation/test percentages; data that come with a split keep it',
    default: DEFAULT_SPLIT,
  },
  grid: {
    kind: text,
    description:
      'Sweep over a grid: "lr=1e-2,1e-3;hidden=none,256", a .yaml or .json file, or no value for the default grid',
    alone: '',
    check: checkGrid,
  },
  random: {
    kind: wholeNumber(1, MAX_HEADS),
    description:
      'Train N random heads from the grid, which may have ranges (lr=log(1e-4..1e-1);dropout=0..0.5), or from the default search space',
  },
  seeds: {
    kind: wholeNumber(1, MAX_HEADS),
    description: 'Train each head with N consecutive seeds and rank by the mean',
    default: 1,
  },
  halving: {
    kind: toggle,
    description:
      'Successive halving: train all heads for a few epochs, then repeatedly keep the best and train them for longer',
    default: false,
    field: false,
  },
  // Li et al. 2018 use 3 or 4.
  halvingFactor: {
    kind: wholeNumber(2),
    description: 'With --halving, keep 1/N of the heads at each rung',
    default: 3,
    needs: { what: '--halving', met: ({ halving }) => halving === true },
    field: 'halving',
  },
  folds: {
    kind: wholeNumber(2),
    description:
      'Cross-validate with K folds instead of one validation split, then train the best head on all folds',
  },
  maxMemory: {
    kind: byteSize,
    description: 'Memory for features, such as 4GB; features that do not fit are read from disk in blocks',
    defaultText: '60 % of memory',
  },
  workers: {
    kind: wholeNumber(1),
    description: 'Worker threads for training',
    default: availableParallelism(),
    defaultText: 'the number of cores',
  },
  engine: ENGINE_OPTIONS.engine,
  report: { kind: toggle, description: 'Write report.html; --no-report skips it', default: true },
  images: {
    kind: path,
    description: 'Folder or archive (.zip, .tar) of the images, for the thumbnails of the report',
    defaultText: 'where extract found them',
    needs: { what: 'the report, which --no-report skips', met: ({ report }) => report !== false },
  },
  spreadsheetSafe: OUTPUT_OPTIONS.spreadsheetSafe,
  out: {
    kind: path,
    description: 'Folder of the run',
    defaultText: 'runs/<data>-<backbone>, numbered if taken',
  },
  json: OUTPUT_OPTIONS.json,
} satisfies OptionTable;

/** All of train-head. */
export const TRAIN_HEAD_OPTIONS = {
  ...TRAIN_OPTIONS,
  ...within('head', HEAD_OPTIONS, { group: 'Heads:' }),
};

/** What trainHeads takes for its sweep. */
export type SweepRequest = Omit<TrainHeadsOptions, 'out' | 'report' | 'images' | 'spreadsheetSafe'>;

/** The options of a sweep, each that is not given at its default. */
export function sweepOptions({ source, labels, head = {}, grid, ...given }: SweepRequest): TrainOptions {
  const { task, split, seeds, stableSplit, workers, engine } = withDefaults(TRAIN_OPTIONS, given);
  return {
    ...given,
    head,
    ...(grid && { grid: grid === 'default' ? grid : grid.map(definedFields) }),
    task,
    split,
    seeds,
    stableSplit,
    workers,
    engine,
    source: { ...source, pooling: source.pooling ?? [] },
    ...(labels && { labels: { ...labels, manifest: labels.manifest ?? {} } }),
  };
}
