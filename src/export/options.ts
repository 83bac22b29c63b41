/** The options of export; all but json are those of exportHead, too. */

import { TRAINED_HEAD_OPTIONS } from '../shared/head/trained-head.ts';
import type { OptionTable } from '../shared/options.ts';
import { OUTPUT_OPTIONS } from '../shared/output-options.ts';
import { choice, path, toggle } from '../shared/values.ts';
import { EXPORT_FORMATS } from './export.ts';

const { head, weights } = TRAINED_HEAD_OPTIONS;

export const EXPORT_OPTIONS = {
  head,
  format: {
    kind: choice(EXPORT_FORMATS),
    description: `${EXPORT_FORMATS.join(', ')}: onnx takes photos, the others take features (photos if the end of the backbone was trained)`,
    required: true,
  },
  full: {
    kind: toggle,
    description: 'With keras and tfjs: export the whole model, which takes photos, instead of the head alone',
    default: false,
  },
  out: { kind: path, description: 'File to write; for tfjs a folder', required: true },
  weights: { ...weights, description: `With onnx or --full: ${weights.description}` },
  json: OUTPUT_OPTIONS.json,
} satisfies OptionTable;
