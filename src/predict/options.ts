/** The options of predict, and those of a predictor in a program. */
import { ENGINE_OPTIONS } from '../shared/engines/options.ts';
import { TRAINED_HEAD_OPTIONS } from '../shared/head/trained-head.ts';
import type { OptionTable } from '../shared/options.ts';
import { OUTPUT_OPTIONS } from '../shared/output-options.ts';
import { choice, path, toggle, wholeNumber } from '../shared/values.ts';
import { FORMAT_NAMES } from './formats.ts';

/** By the fields of PredictorOptions. */
export const PREDICTOR_OPTIONS = { ...TRAINED_HEAD_OPTIONS, ...ENGINE_OPTIONS } satisfies OptionTable;

/** Those of the command. */
export const PREDICT_OPTIONS = {
  ...PREDICTOR_OPTIONS,
  format: {
    kind: choice(FORMAT_NAMES),
    description: `${FORMAT_NAMES.join(', ')} (arrow needs --out)`,
    default: 'json',
  },
  out: { kind: path, description: 'File to write', defaultText: 'stdout' },
  topK: {
    kind: wholeNumber(1),
    description: 'Only the N most probable classes, most probable first (not in arrow)',
    defaultText: 'all',
  },
  spreadsheetSafe: OUTPUT_OPTIONS.spreadsheetSafe,
  stdin: {
    kind: toggle,
    description: 'Also read paths of images from stdin, one per line',
    default: false,
  },
  tta: {
    kind: toggle,
    description: 'Test-time augmentation: average predictions over each image and the views used in training',
    default: false,
  },
  watch: {
    kind: path,
    description:
      'Instead of images: watch a folder and predict new images as they appear, one JSON line each',
  },
  json: {
    kind: toggle,
    description:
      'Print the predictions as JSON on the last line of stdout; with --out, in addition to the file',
    default: false,
  },
} satisfies OptionTable;
