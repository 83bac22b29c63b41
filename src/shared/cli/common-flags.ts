/** Flags that several commands have. */
import { ENGINE_NAMES } from '../engines/engine.ts';
import { textFlag } from './flags.ts';

export const headFlag = {
  ...textFlag,
  demandOption: true,
  description: "A trained head: the folder best of train-head's run",
} as const;

/** Weights of a head's backbones. */
export const recordedWeightsFlag = {
  ...textFlag,
  array: true,
  description:
    "The backbone's weights, where their file is not where it was; repeated in the head's order if it has several backbones",
  defaultDescription: 'as extracted with',
} as const;

export const batchSizeFlag = {
  ...textFlag,
  default: '16',
  description: 'Images in one run of the backbone',
} as const;

export const concurrencyFlag = {
  ...textFlag,
  description: 'Images read and decoded at a time',
  defaultDescription: 'twice the number of cores',
} as const;

export const engineFlag = {
  ...textFlag,
  default: 'auto',
  description: `What computes: ${ENGINE_NAMES.join(', ')}`,
} as const;

export const spreadsheetSafeFlag = {
  type: 'boolean',
  default: false,
  description:
    'CSV: put an apostrophe before text that a spreadsheet would run as a formula (=, +, -, @); programs then read it, too',
} as const;

export const jsonFlag = {
  type: 'boolean',
  default: false,
  description: 'Print a summary as JSON, as the last line of stdout',
} as const;
