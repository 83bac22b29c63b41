/** Options of what a command prints and writes. */
import type { OptionTable } from './options.ts';
import { toggle } from './values.ts';

export const OUTPUT_OPTIONS = {
  spreadsheetSafe: {
    kind: toggle,
    description:
      'CSV: put an apostrophe before text that a spreadsheet would run as a formula (=, +, -, @); programs see the apostrophe too',
    default: false,
  },
  json: {
    kind: toggle,
    description: 'Print a JSON summary as the last line of stdout',
    default: false,
    field: false,
  },
} satisfies OptionTable;
