/** What a program may pass to trainHeads: the same values as after the flags of train-head. */
import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { NEAR_BITS } from '../../shared/dataset/leakage.ts';
import { DEFAULT_SPLIT, splitRatios } from '../../shared/dataset/splits.ts';
import { ENGINE_NAMES } from '../../shared/engines/engine.ts';
import { InputError, UsageError, usage } from '../../shared/errors.ts';
import { flagOf, HEAD_OPTION_KEYS, HEAD_OPTIONS } from '../../shared/head/options.ts';
import { MANIFEST_CHECKS } from '../../shared/manifest/check.ts';
import { ROLES } from '../../shared/manifest/columns.ts';
import {
  type Check,
  type Checks,
  type FieldNames,
  fields,
  listOf,
  OPTIONS,
  ofKind,
  text,
  texts,
} from '../../shared/options.ts';
import { type Allowed, choice, toggle, type ValueKind, wholeNumber } from '../../shared/values.ts';
import { MAX_HEADS } from '../search/grid.ts';
import { isRange } from '../search/ranges.ts';
import type { TrainOptions } from './train-options.ts';

/** What is not said, as the command has it. */
export const TRAIN_DEFAULTS = {
  task: 'auto',
  head: {},
  split: DEFAULT_SPLIT,
  engine: 'auto',
  workers: availableParallelism(),
} as const satisfies Partial<TrainOptions>;

export const TASKS = ['auto', 'multiclass', 'multilabel'] as const;

/** Options that are counted. */
export const COUNTS = {
  random: wholeNumber(1, MAX_HEADS),
  seeds: wholeNumber(1, MAX_HEADS),
  halving: wholeNumber(2),
  folds: wholeNumber(2),
  workers: wholeNumber(1),
} as const satisfies Record<string, ValueKind<number>>;

/** Each head option with a check made from its kind. */
function ofHeads(checkOf: (kind: Allowed) => Check): Checks {
  return Object.fromEntries(HEAD_OPTION_KEYS.map((key) => [key, checkOf(HEAD_OPTIONS[key])]));
}

/** Values of an option, or a range of numbers. */
function gridValues(kind: Allowed): Check {
  return listOf(
    (value, where) => (isRange(value) ? checkRange(value, kind, where) : ofKind(kind)(value, where)),
    {
      min: 1,
    },
  );
}

function checkRange(value: object, kind: Allowed, where: string): void {
  if (kind.numbers === undefined) throw usage(kind.what, where, value);
  const ends = { from: ofKind(kind), to: ofKind(kind) };
  const scale = ofKind(choice(['linear', 'log']));
  fields({ ...ends, scale, numbers: ofKind(choice([kind.numbers])) }, ['from', 'to', 'numbers'])(
    value,
    where,
  );
  const range = value as { from: number; to: number; scale: string };
  if (range.from >= range.to) throw usage('a range from its lower to its higher end', where, value);
  if (range.scale === 'log' && range.from <= 0) throw usage('a range above 0 for log', where, value);
}

/** What trainHeads takes beside the options of a sweep. */
type OfRun = 'out' | 'report' | 'images' | 'spreadsheetSafe';

const TRAIN_CHECKS: Readonly<Record<keyof TrainOptions | OfRun, Check>> = {
  source: fields({ features: texts, pooling: texts }, ['features']),
  labels: fields({ file: text, manifest: fields(MANIFEST_CHECKS) }, ['file']),
  nearDuplicates: ofKind(NEAR_BITS),
  stableSplit: ofKind(toggle),
  task: ofKind(choice(TASKS)),
  head: fields(ofHeads(ofKind)),
  grid: listOf(
    fields({
      ...ofHeads(gridValues),
      features: listOf(listOf(text, { min: 1 }), { min: 1 }),
      pooling: listOf(texts, { min: 1 }),
    }),
    { min: 1 },
  ),
  random: ofKind(COUNTS.random),
  seeds: ofKind(COUNTS.seeds),
  halving: ofKind(COUNTS.halving),
  folds: ofKind(COUNTS.folds),
  workers: ofKind(COUNTS.workers),
  split: (value, where) => void splitRatios(Array.isArray(value) ? value : [], where, value),
  engine: ofKind(choice(ENGINE_NAMES)),
  maxMemory: ofKind(wholeNumber(1)),
  out: text,
  report: ofKind(toggle),
  images: text,
  spreadsheetSafe: ofKind(toggle),
};

/** @throws UsageError naming the first option of trainHeads that does not fit */
export function checkTrainOptions(options: unknown): void {
  fields(TRAIN_CHECKS, ['source'])(options, OPTIONS);
  const { out, report, images, spreadsheetSafe } = options as Partial<Record<string, unknown>>;
  if (images !== undefined && (out === undefined || report === false))
    throw new UsageError('Expected out, without report: false, for images: they are for the report');
  if (spreadsheetSafe === true && out === undefined)
    throw usage('a folder', 'out beside spreadsheetSafe', out);
  if (report === true && out === undefined) throw usage('a folder', 'out beside report', out);
}

/**
 * Where the report looks for photos: said to be wrong before hours of training, not after.
 * @throws InputError for what is no folder
 */
export async function checkImages(images: string | undefined): Promise<void> {
  const found = images === undefined ? undefined : await stat(images).catch(() => undefined);
  if (images !== undefined && !found?.isDirectory())
    throw new InputError(`No such folder: ${images} (--images)`);
}

/** Fields of trainHeads by the flags of train-head, where they differ in more than their spelling. */
export const TRAIN_FIELDS: FieldNames = {
  ...Object.fromEntries(HEAD_OPTION_KEYS.map((key) => [flagOf(key), `head.${key}`])),
  ...Object.fromEntries(ROLES.map((role) => [`${role}-column`, `labels.manifest.columns.${role}`])),
  'label-separator': 'labels.manifest.separator',
  features: 'source.features',
  pooling: 'source.pooling',
  labels: 'labels.file',
  'halving-factor': 'halving',
};
