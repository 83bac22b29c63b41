/** What each option of a head can be: the one table that flags, grids, programs and head.json are checked by. */

import { usage } from '../errors.ts';
import { choice, number, toggle, type ValueKind, wholeNumber } from '../values.ts';
import {
  ACTIVATIONS,
  BLOCK_LAYERS,
  type BlockLayer,
  CLASS_WEIGHTS,
  type HeadConfig,
  LOSSES,
  METRICS,
  NORMALIZATIONS,
  OPTIMIZERS,
  OUTPUTS,
  SCHEDULES,
} from './config.ts';

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

const share = number('a number from 0 to below 1', (value) => value >= 0 && value < 1);
const positive = number('a number above 0', (value) => value > 0);
const notNegative = number('a number of at least 0', (value) => value >= 0);

/** By the option's name. */
export const HEAD_VALUES: { readonly [K in keyof HeadConfig]: ValueKind<HeadConfig[K]> } = {
  hidden: hiddenLayers,
  activation: choice(ACTIVATIONS),
  dropout: share,
  batchNorm: toggle,
  order: blockOrder,
  bias: toggle,
  normalize: choice(NORMALIZATIONS),
  se: wholeNumber(0, MAX_UNITS),
  output: choice(OUTPUTS),
  loss: choice(LOSSES),
  optimizer: choice(OPTIMIZERS),
  lr: positive,
  momentum: share,
  nesterov: toggle,
  l2: notNegative,
  l1: notNegative,
  maxNorm: notNegative,
  schedule: choice(SCHEDULES),
  warmup: wholeNumber(0),
  epochs: wholeNumber(1),
  batchSize: wholeNumber(1),
  earlyStopping: wholeNumber(0),
  monitor: choice(METRICS),
  classWeight: choice(CLASS_WEIGHTS),
  labelSmoothing: share,
  seed: wholeNumber(0, MAX_SEED),
};
