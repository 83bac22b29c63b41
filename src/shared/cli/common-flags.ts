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
    "The backbone's weights, if their file has moved; repeat the flag in the head's order for several backbones",
  defaultDescription: 'the recorded file',
} as const;

export const batchSizeFlag = {
  ...textFlag,
  default: '16',
  description: 'Batch size of the backbone',
} as const;

export const concurrencyFlag = {
  ...textFlag,
  description: 'Images read and decoded in parallel',
  defaultDescription: 'twice the number of cores',
} as const;

export const engineFlag = {
  ...textFlag,
  default: 'auto',
  description: `Compute engine: ${ENGINE_NAMES.join(', ')}`,
} as const;

export const spreadsheetSafeFlag = {
  type: 'boolean',
  default: false,
  description:
    'CSV: put an apostrophe before text that a spreadsheet would run as a formula (=, +, -, @); programs see the apostrophe too',
} as const;

export const jsonFlag = {
  type: 'boolean',
  default: false,
  description: 'Print a JSON summary as the last line of stdout',
} as const;
