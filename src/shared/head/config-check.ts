/** Checks a head's configuration that was read from a file. */
import { unexpected } from '../errors.ts';
import {
  ACTIVATIONS,
  BLOCK_LAYERS,
  CLASS_WEIGHTS,
  type HeadConfig,
  LOSSES,
  METRICS,
  NORMALIZATIONS,
  OPTIMIZERS,
  OUTPUTS,
  SCHEDULES,
} from './config.ts';

/** What a field must be, in words, and whether it is. */
interface FieldKind {
  what: string;
  fits(value: unknown): boolean;
}

const oneOf = (names: readonly string[]): FieldKind => ({
  what: `one of ${names.join(', ')}`,
  fits: (value) => typeof value === 'string' && names.includes(value),
});
const bool: FieldKind = { what: 'true or false', fits: (value) => typeof value === 'boolean' };
const numberWithin = (what: string, least: number, below: number): FieldKind => ({
  what,
  fits: (value) => typeof value === 'number' && value >= least && value < below,
});
const whole = (least: number): FieldKind => ({
  what: `a whole number of at least ${least}`,
  fits: (value) => Number.isSafeInteger(value) && (value as number) >= least,
});
const share = numberWithin('a number from 0 to below 1', 0, 1);
const notNegative = numberWithin('a number of at least 0', 0, Number.POSITIVE_INFINITY);

/** Units of a hidden layer: a record that asks for more is damaged. */
const MOST_UNITS = 1 << 20;

const KINDS: { readonly [K in keyof HeadConfig]: FieldKind } = {
  hidden: {
    what: 'a list of layer widths',
    fits: (value) =>
      Array.isArray(value) &&
      value.every((units) => Number.isSafeInteger(units) && units >= 1 && units <= MOST_UNITS),
  },
  activation: oneOf(ACTIVATIONS),
  dropout: share,
  batchNorm: bool,
  order: {
    what: `${BLOCK_LAYERS.join(', ')} in some order`,
    fits: (value) => Array.isArray(value) && [...value].sort().join() === [...BLOCK_LAYERS].sort().join(),
  },
  bias: bool,
  normalize: oneOf(NORMALIZATIONS),
  se: whole(0),
  output: oneOf(OUTPUTS),
  loss: oneOf(LOSSES),
  optimizer: oneOf(OPTIMIZERS),
  lr: notNegative,
  momentum: share,
  nesterov: bool,
  l2: notNegative,
  l1: notNegative,
  maxNorm: notNegative,
  schedule: oneOf(SCHEDULES),
  warmup: whole(0),
  epochs: whole(1),
  batchSize: whole(1),
  earlyStopping: whole(0),
  monitor: oneOf(METRICS),
  classWeight: oneOf(CLASS_WEIGHTS),
  labelSmoothing: share,
  seed: whole(0),
};

/** @throws InputError naming the first field that does not fit */
export function checkConfig(
  fields: Readonly<Record<string, unknown>>,
  at: (field: string) => string,
): HeadConfig {
  for (const [key, { what, fits }] of Object.entries(KINDS)) {
    if (!fits(fields[key])) throw unexpected(what, at(key), fields[key]);
  }
  const known = Object.fromEntries(Object.keys(KINDS).map((key) => [key, fields[key]]));
  return known as unknown as HeadConfig;
}
